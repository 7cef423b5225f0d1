/**
 * Assigns timestamps and generates watermarks (Flink: TimestampsAndWatermarksOperator). State: the highest timestamp per channel,
 * kept in the manifest. A row sees the watermark that the rows before it on its channel imply; the row's own timestamp raises
 * it for the next one.
 */
import { MIN_WATERMARK } from '../model/watermark.ts';
import { UserCodeError } from '../model/errors.ts';
import type { UntypedWatermarkStrategy } from '../time/watermark-strategy.ts';
import type { ChainCodegen, Fusible, RowVars } from './fusible.ts';

export class TimestampsOperator implements Fusible {
  readonly strategy: UntypedWatermarkStrategy;
  constructor(strategy: UntypedWatermarkStrategy) {
    this.strategy = strategy;
  }

  fragment(cg: ChainCodegen, rows: RowVars): void {
    const { assigner, rule } = this.strategy;
    let ts = rows.ts;
    if (assigner !== null) {
      ts = cg.fresh('t');
      cg.line(`const ${ts} = ${cg.bind(assigner)}(${rows.value}, ${rows.ts});`);
      cg.line(`if (typeof ${ts} !== 'number' || ${ts} !== ${ts}) ${cg.bind(badTimestamp)}(${ts});`);
    }
    if (rule.kind === 'none') {
      cg.watermarkAtEnd(String(MIN_WATERMARK));
      cg.downstream({ ...rows, ts, wm: String(MIN_WATERMARK) });
      return;
    }
    const highest = cg.channelState(MIN_WATERMARK);
    const wm = cg.fresh('w');
    const behind = rule.delayMs + 1;
    cg.line(`const ${wm} = ${highest} - ${behind};`);
    cg.line(`if (${ts} > ${highest}) ${highest} = ${ts};`);
    cg.watermarkAtEnd(`${highest} - ${behind}`);
    cg.downstream({ ...rows, ts, wm });
  }
}

function badTimestamp(ts: unknown): never {
  const shown = typeof ts === 'string' ? JSON.stringify(ts) : String(ts);
  throw new UserCodeError(
    `the timestamp assigner returned ${shown}; it returns event time as a number of milliseconds since 1970-01-01T00:00Z (a Date: .getTime(); text: parseTimestamp(text)).`,
  );
}
