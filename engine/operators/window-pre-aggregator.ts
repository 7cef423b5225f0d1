/** The sender's part of an aligned event-time window (pre-aggregator.ts): accumulators dense by window start and key id. */
import { UserCodeError } from '../model/errors.ts';
import { BATCH_ROWS } from '../model/limits.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import type { AggregateFunction } from '../state/descriptors.ts';
import { KeyIndex } from '../state/key-index.ts';
import type { AlignedWindows } from '../windows/assigners.ts';
import { ExchangeBatch } from './exchange-batch.ts';
import { generate } from './generated-loop.ts';
import type { OwnPartials, PreAggregator } from './pre-aggregator.ts';

/** Rows after which it is looked at whether merging is worth it: with as many partials as half the rows it is not, for this epoch. */
const TRIAL_ROWS = 1 << 16;
/** Keys that are remembered from one epoch to the next. */
const MAX_KEYS = 1 << 18;

interface Partials {
  readonly start: number;
  readonly accumulators: unknown[];
  /** Keys that have one, in the order of their first rows. */
  readonly ids: number[];
}

type Loop = (batch: ExchangeBatch) => void;

export class WindowPreAggregator implements PreAggregator {
  failedRow = -1;
  size = 0;
  private readonly windows: AlignedWindows;
  private readonly aggregate: AggregateFunction<unknown, unknown, unknown>;
  private readonly loop: Loop;
  private readonly maxParallelism: number;
  private readonly out = new ExchangeBatch(BATCH_ROWS);
  private keys: KeyIndex;
  private panes = new Map<number, Partials>();
  private base = MIN_WATERMARK;
  private rows = 0;
  private isOff = false;

  constructor(
    windows: AlignedWindows,
    aggregate: AggregateFunction<unknown, unknown, unknown>,
    maxParallelism: number,
  ) {
    this.windows = windows;
    this.aggregate = aggregate;
    this.maxParallelism = maxParallelism;
    this.keys = new KeyIndex(maxParallelism);
    this.loop = this.compile();
  }

  begin(watermark: number): void {
    this.base = watermark;
    this.rows = 0;
    this.isOff = false;
  }

  take(batch: ExchangeBatch, keyField: string | null): void {
    if (this.isOff) return;
    const { n } = batch;
    this.assignKeys(batch, keyField);
    this.loop(batch);
    this.rows += n - batch.n;
    if (this.rows > TRIAL_ROWS && this.size > this.rows / 2) this.isOff = true;
  }

  drain(send: (batch: ExchangeBatch) => void, own: OwnPartials | null = null): void {
    const { out, keys } = this;
    for (const { start, accumulators, ids } of this.panes.values()) {
      for (const id of ids) {
        const to = own?.has(keys.keyGroups[id]!) === true ? own.room() : out;
        const j = to.n++;
        to.values[j] = accumulators[id];
        to.keys[j] = keys.keys[id];
        to.ts[j] = start;
        to.wm[j] = MIN_WATERMARK;
        if (out.n < BATCH_ROWS) continue;
        send(out);
        out.n = 0;
      }
    }
    if (out.n > 0) send(out);
    this.discard();
  }

  discard(): void {
    this.out.n = 0;
    this.out.values.fill(null);
    this.out.keys.fill(null);
    this.size = 0;
    this.panes.clear();
    if (this.keys.size > MAX_KEYS) this.keys = new KeyIndex(this.maxParallelism);
  }

  private assignKeys(batch: ExchangeBatch, keyField: string | null): void {
    const { keys } = this;
    const { n, keyIds, keys: values } = batch;
    if (keyField !== null) {
      const cols = batch.source!.cols!;
      try {
        keys.idsOfColumn(cols, cols.fields.get(keyField)!, batch.index, 0, n, keyIds);
      } catch (thrown) {
        this.failedRow = keys.failedRow;
        throw thrown;
      }
      return;
    }
    let j = 0;
    try {
      for (; j < n; j++) keyIds[j] = keys.idOf(values[j]);
    } catch (thrown) {
      this.failedRow = j;
      throw thrown;
    }
  }

  private pane(start: number): Partials {
    let pane = this.panes.get(start);
    if (pane === undefined) this.panes.set(start, (pane = { start, accumulators: [], ids: [] }));
    return pane;
  }

  private opened(pane: Partials, id: number): unknown {
    const { accumulators } = pane;
    // Filled up, so that the array stays one without holes.
    while (accumulators.length <= id) accumulators.push(undefined);
    this.size++;
    pane.ids.push(id);
    return (accumulators[id] = this.aggregate.createAccumulator());
  }

  private compile(): Loop {
    const { sizeMs, offsetMs } = this.windows;
    const self = {
      base: (): number => this.base,
      pane: (start: number): Partials => this.pane(start),
      opened: (pane: Partials, id: number): unknown => this.opened(pane, id),
      nothing: (): never => {
        throw new UserCodeError('add(value, accumulator) returned undefined; return the accumulator.');
      },
      failed: (row: number): void => {
        this.failedRow = row;
      },
    };
    const numbers = `const SIZE=${sizeMs},OFFSET=${offsetMs},LAST=${sizeMs - 1};`;
    return generate<Loop>({ self, agg: this.aggregate }, `${numbers}\n${LOOP}`);
  }
}

/** A row without a timestamp is none that is on time: its time is far below every watermark. */
const LOOP = `return function (batch) {
  const { n, keyIds, ts, wm, index, values, keys, channel, lazy } = batch;
  const row = lazy ? batch.source.row : null, base = self.base();
  let j = 0, kept = 0, pane = null, start = NaN;
  try {
    for (; j < n; j++) {
      const t = ts[j], w = wm[j];
      let r = (t - OFFSET) % SIZE;
      if (r < 0) r += SIZE;
      const s = t - r, last = s + LAST;
      if (t < -1e16 || last <= w || last <= base) {
        if (kept < j) {
          values[kept] = values[j]; keys[kept] = keys[j]; index[kept] = index[j];
          ts[kept] = t; wm[kept] = w; channel[kept] = channel[j];
        }
        kept++;
        continue;
      }
      if (s !== start) { pane = self.pane(s); start = s; }
      let v;
      if (lazy) { row.__i = index[j]; v = row; } else v = values[j];
      const id = keyIds[j], accumulators = pane.accumulators;
      let a = id < accumulators.length ? accumulators[id] : undefined;
      if (a === undefined) a = self.opened(pane, id);
      let b = agg.add(v, a);
      if (b !== a) {
        if (b === undefined) self.nothing();
        if (lazy && b === row) b = row.__copy();
        accumulators[id] = b;
      }
    }
  } catch (e) { self.failed(j); throw e; }
  batch.n = kept;
};`;
