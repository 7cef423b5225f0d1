import { describe, expect, it } from 'vitest';
import { describeBlobStore } from './contracts/blob-store-contract.ts';
import { describeLog } from './contracts/log-contract.ts';
import { describeStateStore } from './contracts/state-store-contract.ts';
import { describeStateTable } from './contracts/state-table-contract.ts';
import { ManualClock } from './manual-clock.ts';
import { MemoryBlobStore } from '../embedded/memory-blob-store.ts';
import { MemoryLog } from './memory-log.ts';
import { MemoryStateStore } from '../embedded/memory-state-store.ts';
import { MemoryStateTable } from '../embedded/memory-state-table.ts';

describeStateStore('memory', async () => new MemoryStateStore());
describeStateTable('memory', async () => new MemoryStateTable());
describeBlobStore('memory', async () => new MemoryBlobStore());
describeLog('memory', async () => new MemoryLog(25));

describe('ManualClock', () => {
  it('wakes sleepers in order, each at its own time', async () => {
    const clock = new ManualClock(1000);
    const woken: [string, number][] = [];
    const sleeper = async (name: string, ...naps: number[]): Promise<void> => {
      for (const ms of naps) {
        await clock.sleep(ms);
        woken.push([name, clock.nowMs()]);
      }
    };
    void sleeper('a', 30, 5);
    void sleeper('b', 10, 10, 100);
    void sleeper('c', 30);
    await clock.advance(50);
    expect(woken).toEqual([
      ['b', 1010],
      ['b', 1020],
      ['a', 1030],
      ['c', 1030],
      ['a', 1035],
    ]);
    expect([clock.nowMs(), clock.monotonicMs(), clock.sleeping]).toEqual([1050, 50, 1]);
    clock.jumpWallClock(-500);
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([550, 50]);
  });

  it('ends a sleep when its signal is aborted', async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const slept = clock.sleep(1000, stop.signal);
    stop.abort();
    await slept;
    expect([clock.nowMs(), clock.sleeping]).toEqual([0, 0]);
  });
});
