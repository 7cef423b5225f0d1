import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyIndex } from './key-index.ts';
import { readSegment, SegmentWriter } from './segment.ts';
import { TimerService } from './timer-service.ts';

const GROUPS = 4;

/** A service, and beside it the plainest thing that could be right: a set of "key time". */
class Twin {
  readonly keys = new KeyIndex(GROUPS);
  timers = this.fresh();
  readonly model = new Map<string, { key: string; time: number }>();
  readonly segments: Uint8Array[] = [];

  fresh(): TimerService {
    return new TimerService(this.keys, 'timers', [0, GROUPS]);
  }
  register(key: string, time: number): void {
    this.timers.register(this.keys.idOf(key), time);
    this.model.set(`${key} ${time}`, { key, time });
  }
  delete(key: string, time: number): void {
    this.timers.delete(this.keys.idOf(key), time);
    this.model.delete(`${key} ${time}`);
  }
  /** Fires everything up to `time`, group by group; returns "group: key time …" of both. */
  advance(time: number): [string[], string[]] {
    const fired: string[] = [];
    const expected: string[] = [];
    const groupOf = (key: string): number => this.keys.keyGroups[this.keys.idOf(key)]!;
    for (let g = 0; g < GROUPS; g++) {
      for (let next = this.timers.next(g); next <= time; next = this.timers.next(g)) {
        const id = this.timers.take(g);
        fired.push(`${g}: ${String(this.keys.keys[id])} ${next}`);
      }
      const due = [...this.model.values()].filter((timer) => timer.time <= time && groupOf(timer.key) === g);
      due.sort((a, b) => a.time - b.time || this.#order(a.key, b.key));
      for (const timer of due) {
        expected.push(`${g}: ${timer.key} ${timer.time}`);
        this.model.delete(`${timer.key} ${timer.time}`);
      }
    }
    return [fired, expected];
  }
  #order(a: string, b: string): number {
    const { hashes } = this.keys;
    return hashes[this.keys.idOf(a)]! - hashes[this.keys.idOf(b)]!;
  }
  snapshot(): void {
    const writer = new SegmentWriter();
    this.timers.snapshot(writer);
    const bytes = writer.finish();
    if (bytes !== null) this.segments.push(bytes);
  }
  restore(): void {
    this.timers = this.fresh();
    for (const bytes of this.segments)
      readSegment(bytes, 0, GROUPS, 'segment', {
        restore: (key, _name, _sub, value) => this.timers.restore(this.keys.idOf(key), value as number[]),
        restoreRemoved: (key) => this.timers.restoreRemoved(this.keys.idOf(key)),
      });
  }
}

describe('TimerService', () => {
  test('does what a set of timers does, through deletions, snapshots and restores', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const time = fc.integer({ min: -5, max: 20 });
    const command = fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant('register' as const), key, time }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), key, time }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), time }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('snapshot' as const) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const twin = new Twin();
        for (const c of commands) {
          if (c.do === 'register') twin.register(c.key, c.time);
          else if (c.do === 'delete') twin.delete(c.key, c.time);
          else if (c.do === 'advance') {
            const [fired, expected] = twin.advance(c.time);
            expect(fired).toEqual(expected);
          } else {
            twin.snapshot();
            if (c.do === 'restart') twin.restore();
          }
        }
        const [fired, expected] = twin.advance(Number.MAX_VALUE);
        expect(fired).toEqual(expected);
        for (const k of ['a', 'b', 'c', 'd', 'e']) expect(twin.timers.isLive(twin.keys.idOf(k))).toBe(false);
      }),
    );
  });

  test('a key that was swept while its deleted timer waited does no harm', () => {
    const keys = new KeyIndex(1);
    const timers = new TimerService(keys, 'timers', [0, 1]);
    const first = keys.idOf('a');
    timers.register(first, 10);
    timers.delete(first, 10);
    for (let i = 0; i < 5000; i++) keys.idOf(`filler-${i}`);
    keys.sweep((id) => timers.isLive(id));
    keys.idOf('takes an id');
    const again = keys.idOf('a');
    timers.register(again, 10);
    timers.register(again, 20);
    expect(timers.next(0)).toBe(10);
    expect(keys.keys[timers.take(0)]).toBe('a');
    expect(timers.next(0)).toBe(20);
    expect(keys.keys[timers.take(0)]).toBe('a');
    expect(timers.next(0)).toBe(Infinity);
  });

  test('an id used again by a key of another group does not fire there', () => {
    const keys = new KeyIndex(128);
    const timers = new TimerService(keys, 'timers', [0, 128]);
    const id = keys.idOf('first');
    const group = keys.keyGroups[id]!;
    timers.register(id, 10);
    timers.delete(id, 10);
    for (let i = 0; i < 5000; i++) keys.idOf(`filler-${i}`);
    keys.sweep((at) => timers.isLive(at));
    for (let i = 0; i < 6000; i++) timers.register(keys.idOf(`second-${i}`), 10);
    for (let g = 0; g < 128; g++) while (timers.next(g) <= 10) expect(keys.keyGroups[timers.take(g)]).toBe(g);
    expect(group).toBeGreaterThanOrEqual(0);
  });

  test('timers that are moved again and again do not pile up', () => {
    const keys = new KeyIndex(1);
    const timers = new TimerService(keys, 'timers', [0, 1]);
    const id = keys.idOf('a');
    for (let i = 0; i < 100_000; i++) {
      timers.register(id, 1_000_000 + i);
      timers.delete(id, 1_000_000 + i);
    }
    expect(timers.queued).toBeLessThan(1000);
    expect(timers.next(0)).toBe(Infinity);
    expect(timers.isLive(id)).toBe(false);
  });
});
