/** filter: keeps the rows for which the predicate is truthy; the others are counted as `filtered`. Stateless. */
import type { ChainCodegen, Fusible, RowVars } from './fusible.ts';
import { refusePromise } from './map-operator.ts';

export class FilterOperator implements Fusible {
  private readonly predicate: (value: never) => boolean;
  constructor(predicate: (value: never) => boolean) {
    this.predicate = predicate;
  }

  fragment(cg: ChainCodegen, rows: RowVars): void {
    const dropped = cg.counter('filtered');
    const keep = cg.fresh('k');
    cg.line(`const ${keep} = ${cg.bind(this.predicate)}(${rows.value});`);
    cg.line(`if (${keep} !== true && ${keep} !== false) ${cg.bind(refusePromise)}(${keep});`);
    cg.line(`if (${keep}) {`);
    cg.downstream(rows);
    cg.line(`} else ${dropped}++;`);
  }
}
