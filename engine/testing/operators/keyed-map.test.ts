/** map, flatMap and filter of a keyed stream, with the key's states; and functions whose classes have #members. */
import { describe, expect, test } from 'vitest';
import type { DataStream } from '../../api/data-stream.ts';
import { KeyedProcessFunction } from '../../api/functions.ts';
import type { KeyedStream } from '../../api/keyed-stream.ts';
import { RichFilterFunction, RichFlatMapFunction, RichMapFunction } from '../../api/rich-functions.ts';
import type { Collector } from '../../operators/collector.ts';
import type { KeyedContext, OpenContext } from '../../operators/keyed-process-function.ts';
import { ListStateDescriptor, ValueStateDescriptor } from '../../state/descriptors.ts';
import type { ListState, ValueState } from '../../state/states.ts';
import { runInMemory, type InMemoryOptions } from '../run-in-memory.ts';

interface Row {
  readonly k: string;
  readonly n: number;
}
const ROWS: readonly Row[] = [1, 5, 5, 2, 8, 8, 8, 3, 1, 1, 4].map((n, i) => ({ k: 'abc'[i % 3]!, n }));

/** Flink's documentation: the mean of every two rows of a key. */
class MeanOfTwo extends RichFlatMapFunction<Row, string> {
  private pair!: ListState<number>;
  override open(ctx: OpenContext): void {
    this.pair = ctx.getListState(new ListStateDescriptor<number>('pair'));
  }
  override flatMap({ k, n }: Row, out: Collector<string>): void {
    this.pair.add(n);
    const [a, b] = this.pair.get();
    if (b === undefined) return;
    out.collect(`${k} ${(a! + b) / 2}`);
    this.pair.clear();
  }
}

class Numbered extends RichMapFunction<Row, string> {
  #count!: ValueState<number>;
  override open(ctx: OpenContext): void {
    this.#count = ctx.getState(new ValueStateDescriptor<number>('count', 0));
  }
  override map({ k, n }: Row): string {
    this.#count.update(this.#count.value()! + 1);
    return `${k}${this.#count.value()} ${n}`;
  }
}

/** Not the same twice in a row. */
class Changes extends RichFilterFunction<Row> {
  private last!: ValueState<number>;
  override open(ctx: OpenContext): void {
    this.last = ctx.getState(new ValueStateDescriptor<number>('last'));
  }
  override filter({ n }: Row): boolean {
    if (this.last.value() === n) return false;
    this.last.update(n);
    return true;
  }
}

class Above extends KeyedProcessFunction<string, Row, string> {
  readonly #limit: number;
  constructor(limit: number) {
    super();
    this.#limit = limit;
  }
  override processElement({ k, n }: Row, _ctx: KeyedContext<string>, out: Collector<string>): void {
    if (n > this.#limit) out.collect(k);
  }
}

async function results(
  use: (keyed: KeyedStream<Row, string>) => DataStream<unknown>,
  options: InMemoryOptions = {},
): Promise<string[]> {
  const run = await runInMemory(({ env, sink }) => {
    use(env.fromData(...ROWS).keyBy('k')).sinkTo(sink('out'));
  }, options);
  return (run.values('out') as string[]).sort();
}

const OPTIONS: readonly InMemoryOptions[] = [
  {},
  { subtasks: 4, rowsPerEpoch: 2 },
  { workers: 2, rowsPerEpoch: 3 },
  { subtasks: 2, rowsPerEpoch: 1, crashAfter: [9, 20, 31] },
];

describe.each(OPTIONS)('%j', (options) => {
  test('flatMap with a list', async () => {
    const expected = ['a 1.5', 'a 4.5', 'b 3.5', 'b 6.5', 'c 6.5'];
    expect(await results((keyed) => keyed.flatMap(new MeanOfTwo()), options)).toEqual(expected);
  });

  test('map with a count in a #field', async () => {
    const seen: Record<string, number> = {};
    const expected = ROWS.map(({ k, n }) => `${k}${(seen[k] = (seen[k] ?? 0) + 1)} ${n}`);
    expect(await results((keyed) => keyed.map(new Numbered()), options)).toEqual(expected.sort());
  });

  test('filter by the row before', async () => {
    const last: Record<string, number> = {};
    const kept = ROWS.filter(({ k, n }) => last[k] !== n && ((last[k] = n), true)).map(({ k, n }) => `${k}${n}`);
    expect(await results((keyed) => keyed.filter(new Changes()).map(({ k, n }) => k + n), options)).toEqual(
      kept.sort(),
    );
  });

  test('plain functions', async () => {
    const mapped = await results(
      (keyed) =>
        keyed
          .map(({ n }) => n)
          .keyBy((n) => n)
          .filter((n) => n > 4)
          .keyBy((n) => n)
          .flatMap((n) => [`${n}`, `${-n}`]),
      options,
    );
    expect(mapped).toEqual(['-5', '-5', '-8', '-8', '-8', '5', '5', '8', '8', '8']);
  });
});

test('what cannot be copied or awaited is refused', async () => {
  await expect(results((keyed) => keyed.process(new Above(4)))).rejects.toThrow(
    'Above has #members and a constructor with parameters',
  );
  // @ts-expect-error an async function
  const asynchronous = results((keyed) => keyed.map(async ({ n }) => Promise.resolve(n)));
  await expect(asynchronous).rejects.toThrow('map(…) of a keyed stream was given an async function');
});
