/** map: one row in, one row out; stateless, keeps timestamp and watermark. */
import type { ChainCodegen, Fusible, RowVars } from './fusible.ts';
import { UserCodeError } from '../model/errors.ts';
import { isPromise } from './fusible.ts';
import { HeldRowCheck } from './held-row.ts';

export class MapOperator implements Fusible {
  private readonly map: (value: never) => unknown;
  constructor(map: (value: never) => unknown) {
    this.map = map;
  }

  fragment(cg: ChainCodegen, rows: RowVars): void {
    const result = cg.fresh('v');
    cg.line(`let ${result} = ${cg.bind(this.map)}(${rows.value});`);
    cg.line(`if (typeof ${result} === 'object') ${cg.bind(refusePromise)}(${result});`);
    if (rows.lazy) cg.line(`${cg.bind(new HeldRowCheck())}.check(${result}, ${rows.value});`);
    if (rows.lazy) cg.line(`${result} = ${cg.materialise(result)};`);
    cg.downstream({ ...rows, value: result, lazy: false });
  }
}

/** Async functions are refused where nothing awaits them. */
export function refusePromise(result: unknown): void {
  if (isPromise(result)) {
    throw new UserCodeError(
      'the function returned a promise, but nothing awaits it here: user functions are synchronous. Do I/O in a source or a sink of your own.',
    );
  }
}
