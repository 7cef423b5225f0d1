/** Operator state: a buffering function, with crashes, packing, fan-out and folding, gives what it gives without. */
import { describe, expect, test } from 'vitest';
import { KeyedProcessFunction, ProcessFunction } from '../../api/functions.ts';
import type {
  CheckpointedFunction,
  FunctionInitializationContext,
} from '../../operators/checkpointed-process-operator.ts';
import type { Collector } from '../../operators/collector.ts';
import type { ProcessContext } from '../../operators/process-operator.ts';
import { ListStateDescriptor } from '../../state/descriptors.ts';
import type { ListState } from '../../state/states.ts';
import { runInMemory, type InMemoryOptions } from '../run-in-memory.ts';

/** Hands on rows in threes: the guide's BufferingSink. */
class InThrees extends ProcessFunction<number, readonly number[]> implements CheckpointedFunction {
  private buffered: number[] = [];
  private state!: ListState<number>;
  static restored = 0;

  initializeState(ctx: FunctionInitializationContext): void {
    this.state = ctx.getOperatorStateStore().getListState(new ListStateDescriptor<number>('buffered'));
    if (!ctx.isRestored()) return;
    InThrees.restored++;
    this.buffered.push(...this.state.get());
  }

  snapshotState(): void {
    this.state.update(this.buffered);
  }

  processElement(row: number, _ctx: ProcessContext, out: Collector<readonly number[]>): void {
    this.buffered.push(row);
    if (this.buffered.length < 3) return;
    out.collect(this.buffered);
    this.buffered = [];
  }
}

const ROWS = Array.from({ length: 20 }, (_, i) => i);

const run = async (options: InMemoryOptions): Promise<unknown[]> => {
  const result = await runInMemory(({ env, sink }) => {
    env
      .fromData(...ROWS)
      .process(new InThrees())
      .sinkTo(sink('out'));
    env
      .fromData(...ROWS)
      .keyBy((x) => x % 5)
      .reduce((a, b) => a + b)
      .process(new InThrees())
      .sinkTo(sink('keyed'));
  }, options);
  const text = (values: readonly unknown[]): string[] => values.map((value) => JSON.stringify(value)).sort();
  return [...text(result.values('out')), ...text(result.values('keyed'))];
};

describe('a function that buffers rows in its fields', () => {
  test.each<[string, InMemoryOptions]>([
    ['small epochs', { rowsPerEpoch: 4 }],
    ['stop and go on', { rowsPerEpoch: 4, stopEvery: 2 }],
    ['crashes', { rowsPerEpoch: 4, crashAfter: [9, 14, 3] }],
    ['four subtasks', { rowsPerEpoch: 4, subtasks: 4 }],
    ['three workers', { rowsPerEpoch: 4, workers: 3 }],
    ['folding all the time', { rowsPerEpoch: 4, stopEvery: 1, fold: { due: 1, overdue: 4 } }],
  ])('%s', async (_name, options) => {
    expect(await run(options)).toEqual(await run({ rowsPerEpoch: 4 }));
  });

  test('goes on from what it wrote', async () => {
    InThrees.restored = 0;
    const rows = await run({ rowsPerEpoch: 4, stopEvery: 1 });
    expect(InThrees.restored).toBeGreaterThan(0);
    expect(rows).toContain('[0,1,2]');
    expect(rows).toContain('[15,16,17]');
  });
});

test('half a CheckpointedFunction is refused', async () => {
  class Half extends ProcessFunction<number, number> {
    snapshotState(): void {
      // Never called.
    }
    processElement(): void {
      // Never called.
    }
  }
  const job = runInMemory(({ env, sink }) => {
    env.fromData(1).process(new Half()).sinkTo(sink('out'));
  });
  await expect(job).rejects.toThrow(/both initializeState\(ctx\) and snapshotState\(\)/);
});

test('a CheckpointedFunction where it would not be called is refused', async () => {
  class Keyed extends KeyedProcessFunction<number, number, number> implements CheckpointedFunction {
    initializeState(): void {
      // Never called.
    }
    snapshotState(): void {
      // Never called.
    }
    processElement(): void {
      // Never called.
    }
  }
  const job = runInMemory(({ env, sink }) => {
    env
      .fromData(1)
      .keyBy((x) => x)
      .process(new Keyed())
      .sinkTo(sink('out'));
  });
  await expect(job).rejects.toThrow(/does not call initializeState and snapshotState/);
});
