/**
 * process on a stream that is not keyed (Flink: ProcessFunction without state or timers): any number of rows on the main and the
 * side outputs, with the row's timestamp. The watermark it sees is that of the row's own channel, before the row.
 */
import { MIN_WATERMARK, NO_TIMESTAMP } from '../model/watermark.ts';
import { ArrayCollector, type Collector } from './collector.ts';
import type { ChainCodegen, Fusible, RowVars } from './fusible.ts';
import type { OpenContext, TimerServiceView } from './keyed-process-function.ts';
import { noKey } from './keyless-context.ts';
import { refusePromise } from './map-operator.ts';
import type { OutputTag } from './output-tag.ts';

/** What a ProcessFunction may ask for while it handles a row. */
export interface ProcessContext {
  /** The row's timestamp, epoch milliseconds; null when it has none. */
  timestamp(): number | null;
  /** Epoch milliseconds; MIN_WATERMARK before the first. */
  currentWatermark(): number;
  /** The epoch's clock, constant within an epoch (ARCHITECTURE section 3). */
  currentProcessingTime(): number;
  /** Tells the time. Timers need a key: registering one is an error. */
  timerService(): TimerServiceView;
  output<X>(tag: OutputTag<X>, value: X): void;
}

export interface ProcessLogic {
  processElement(value: never, ctx: ProcessContext, out: Collector<never>): unknown;
  open?(ctx: OpenContext): void | Promise<void>;
  close?(): void | Promise<void>;
}

export class ProcessOperator implements Fusible {
  readonly logic: ProcessLogic;
  constructor(logic: ProcessLogic) {
    this.logic = logic;
  }

  fragment(cg: ChainCodegen, rows: RowVars): void {
    const tags = cg.taggedOutputs;
    const ctx = new ChainProcessContext(tags);
    const c = cg.bind(ctx);
    const filtered = cg.counter('filtered');
    const value = rows.lazy ? cg.materialise(rows.value) : rows.value;
    cg.line(`${c}.run(${cg.bind(this.logic)}, ${value}, ${rows.ts}, ${rows.wm}, clockMs);`);
    cg.line(`if (${c}.emitted === 0) ${filtered}++;`);
    this.outputs(cg, `${c}.main`, rows, undefined);
    tags.forEach((tag, i) => this.outputs(cg, `${c}.sides[${i}]`, rows, tag));
  }

  private outputs(cg: ChainCodegen, collector: string, rows: RowVars, tag: string | undefined): void {
    const out = cg.fresh('o');
    const i = cg.fresh('j');
    const value = cg.fresh('v');
    cg.line(`const ${out} = ${collector};`);
    cg.line(`for (let ${i} = 0; ${i} < ${out}.n; ${i}++) { const ${value} = ${out}.items[${i}];`);
    cg.downstream({ ...rows, value, lazy: false }, tag);
    cg.line('}');
  }
}

class ChainProcessContext implements ProcessContext, TimerServiceView {
  readonly main = new ArrayCollector();
  readonly sides: ArrayCollector[];
  /** Rows emitted for the current row, unconsumed side outputs included. */
  emitted = 0;
  private readonly byTag = new Map<string, ArrayCollector>();
  private ts = NO_TIMESTAMP;
  private wm = MIN_WATERMARK;
  private clockMs = 0;

  constructor(tags: readonly string[]) {
    this.sides = tags.map((tag) => {
      const side = new ArrayCollector();
      this.byTag.set(tag, side);
      return side;
    });
  }

  run(logic: ProcessLogic, value: unknown, ts: number, wm: number, clockMs: number): void {
    this.main.n = 0;
    for (const side of this.sides) side.n = 0;
    this.emitted = 0;
    this.ts = ts;
    this.wm = wm;
    this.clockMs = clockMs;
    const result = logic.processElement(value as never, this, this.main);
    if (result !== undefined) refusePromise(result);
    this.emitted += this.main.n;
  }

  timestamp(): number | null {
    return this.ts === NO_TIMESTAMP ? null : this.ts;
  }
  currentWatermark(): number {
    return this.wm < MIN_WATERMARK ? MIN_WATERMARK : this.wm;
  }
  currentProcessingTime(): number {
    return this.clockMs;
  }
  timerService(): this {
    return this;
  }
  registerEventTimeTimer(): never {
    throw noKey(null, 'a timer');
  }
  registerProcessingTimeTimer(): never {
    throw noKey(null, 'a timer');
  }
  deleteEventTimeTimer(): never {
    throw noKey(null, 'a timer');
  }
  deleteProcessingTimeTimer(): never {
    throw noKey(null, 'a timer');
  }
  output<X>(tag: OutputTag<X>, value: X): void {
    this.emitted++;
    this.byTag.get(tag.id)?.collect(value);
  }
}
