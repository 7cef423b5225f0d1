/**
 * Assigns timestamps and generates watermarks (Flink: TimestampsAndWatermarksOperator). State: the highest timestamp per channel,
 * or the user's generator, kept in the manifest. A row sees the watermark that the rows before it on its channel imply; the row's own
 * timestamp raises it for the next one.
 *
 * A generator of the user's sees a row after the row has been passed on, so that one which makes a later operator throw has not
 * touched it.
 */
import { MIN_WATERMARK } from '../model/watermark.ts';
import { UserCodeError } from '../model/errors.ts';
import { IngestionTimeAssigner } from '../time/ingestion-time.ts';
import type { WatermarkGeneratorSupplier } from '../time/watermark-generator.ts';
import type { UntypedWatermarkStrategy } from '../time/watermark-strategy.ts';
import { isPromise, type ChainCodegen, type Fusible, type RowVars } from './fusible.ts';
import { GeneratorChannel } from './generator-channel.ts';

export class TimestampsOperator implements Fusible {
  readonly strategy: UntypedWatermarkStrategy;
  constructor(strategy: UntypedWatermarkStrategy) {
    this.strategy = strategy;
  }

  fragment(cg: ChainCodegen, rows: RowVars): void {
    const { rule } = this.strategy;
    const stamped = { ...rows, ts: this.timestamp(cg, rows) };
    switch (rule.kind) {
      case 'none':
        cg.watermarkAtEnd(String(MIN_WATERMARK));
        return cg.downstream({ ...stamped, wm: String(MIN_WATERMARK) });
      case 'bounded':
        return bounded(cg, stamped, rule.delayMs + 1);
      case 'custom':
        return custom(cg, stamped, rule.make);
    }
  }

  private timestamp(cg: ChainCodegen, rows: RowVars): string {
    const { assigner } = this.strategy;
    if (assigner === null) return rows.ts;
    if (assigner instanceof IngestionTimeAssigner) return 'clockMs';
    const ts = cg.fresh('t');
    cg.line(`const ${ts} = ${cg.bind(assigner)}(${rows.value}, ${rows.ts});`);
    cg.line(`if (typeof ${ts} !== 'number' || ${ts} !== ${ts}) ${cg.bind(badTimestamp)}(${ts});`);
    return ts;
  }
}

/** `behind`: by how much the watermark is behind the highest timestamp. */
function bounded(cg: ChainCodegen, rows: RowVars, behind: number): void {
  const highest = cg.channelState(MIN_WATERMARK);
  const wm = cg.fresh('w');
  cg.line(`const ${wm} = ${highest} - ${behind};`);
  cg.line(`if (${rows.ts} > ${highest}) ${highest} = ${rows.ts};`);
  cg.watermarkAtEnd(`${highest} - ${behind}`);
  cg.downstream({ ...rows, wm });
}

function custom(cg: ChainCodegen, rows: RowVars, make: WatermarkGeneratorSupplier<never>): void {
  const generator = cg.channelObject((split) => new GeneratorChannel(make, split));
  const wm = cg.fresh('w');
  cg.line(`const ${wm} = ${generator}.watermark;`);
  cg.watermarkAtEnd(`${generator}.watermark`);
  cg.downstream({ ...rows, wm });
  cg.resume();
  // A generator may keep what it is given.
  cg.line(`${generator}.onRecord(${rows.lazy ? cg.materialise(rows.value) : rows.value}, ${rows.ts});`);
}

function badTimestamp(ts: unknown): never {
  if (isPromise(ts))
    throw new UserCodeError(
      'the timestamp assigner returned a promise, but nothing awaits it here: user functions are synchronous. Return milliseconds.',
    );
  const shown = typeof ts === 'string' ? JSON.stringify(ts) : String(ts);
  throw new UserCodeError(
    `the timestamp assigner returned ${shown}; it returns event time as a number of milliseconds since 1970-01-01T00:00Z (a Date: .getTime(); text: parseTimestamp(text)).`,
  );
}
