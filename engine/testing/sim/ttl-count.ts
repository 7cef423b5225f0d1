/** A keyed operator of simulated jobs whose state is forgotten after some time of the plans' clock. */
import { keyedProcess, mapState, valueState, type KeyedProcess } from '../../api/functions.ts';
import type { Collector } from '../../operators/collector.ts';
import { StateTtlConfig } from '../../state/ttl.ts';
import type { TtlSpec } from './operator-specs.ts';
import type { Row } from './script.ts';

/** One row for each row; `n` and `h` say what is left of the state, and in which order. */
export function ttlCount(
  { ttlMs, onRead, returnsExpired }: TtlSpec,
  check: (row: Row) => void,
): KeyedProcess<string, Row, Row> {
  let builder = StateTtlConfig.newBuilder(ttlMs);
  if (onRead) builder = builder.updateTtlOnReadAndWrite();
  if (returnsExpired) builder = builder.returnExpiredIfNotCleanedUp();
  const ttl = builder.build();
  return keyedProcess({
    state: { n: valueState<number>({ ttl }), shelves: mapState<number, number>({ ttl }) },
    processElement(row: Row, ctx, out: Collector<Row>) {
      const { n, shelves } = ctx.state;
      const count = (n.value() ?? 0) + 1;
      if (count % 5 === 0) n.clear();
      else n.update(count);
      const shelf = row.v % 4;
      if (row.v % 3 === 0) shelves.remove(shelf);
      if (row.v % 7 !== 0) shelves.put(shelf, row.v);
      check(row);
      let h = 0;
      for (const [at, v] of shelves.entries()) h = (h * 31 + at * 100 + v) % 100_003;
      out.collect({ ...row, n: count, ...{ h } });
    },
  });
}
