/**
 * flatMap: any number of rows for each row, all with its timestamp. Two forms: `(value, out) => void` with a collector, and
 * `(value) => Iterable`, generators included. Stateless. A row that gives nothing is counted as `filtered`.
 */
import { UserCodeError } from '../model/errors.ts';
import { ArrayCollector } from './collector.ts';
import type { ChainCodegen, Fusible, RowVars } from './fusible.ts';
import { isPromise } from './fusible.ts';
import { HeldRowCheck } from './held-row.ts';

type FlatMap = (value: never, out: ArrayCollector) => unknown;

export class FlatMapOperator implements Fusible {
  private readonly flatMap: FlatMap;
  constructor(flatMap: FlatMap) {
    this.flatMap = flatMap;
  }

  fragment(cg: ChainCodegen, rows: RowVars): void {
    const out = cg.bind(new ArrayCollector());
    const i = cg.fresh('j');
    const value = cg.fresh('v');
    const filtered = cg.counter('filtered');
    cg.line(`${cg.bind(runFlatMap)}(${cg.bind(this.flatMap)}, ${rows.value}, ${out});`);
    cg.line(`if (${out}.n === 0) ${filtered}++;`);
    cg.line(`for (let ${i} = 0; ${i} < ${out}.n; ${i}++) {`);
    cg.line(`let ${value} = ${out}.items[${i}];`);
    if (rows.lazy) cg.line(`${cg.bind(new HeldRowCheck())}.check(${value}, ${rows.value});`);
    if (rows.lazy) cg.line(`${value} = ${cg.materialise(value)};`);
    cg.downstream({ ...rows, value, lazy: false });
    cg.line('}');
  }
}

function runFlatMap(flatMap: FlatMap, value: unknown, out: ArrayCollector): void {
  out.n = 0;
  const result = flatMap(value as never, out);
  if (result === undefined || result === null) return;
  if (isPromise(result)) {
    throw new UserCodeError('flatMap returned a promise, but nothing awaits it here: user functions are synchronous.');
  }
  if (typeof (result as Partial<Iterable<unknown>>)[Symbol.iterator] !== 'function' || typeof result === 'string') {
    throw new UserCodeError(
      `flatMap returned ${typeof result}; it returns an iterable, or nothing and collects into its second argument.`,
    );
  }
  for (const item of result as Iterable<unknown>) out.collect(item);
}
