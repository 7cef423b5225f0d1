/** Source over the world's script: reads may fail, be slow, or answer at once; rows arrive when the script says so. */
import type { BadRecord } from '../../model/bad-record.ts';
import { InvariantError } from '../../model/errors.ts';
import type { SourceBatch } from '../../model/source-batch.ts';
import { textOf } from '../../operators/collection-source.ts';
import type { FillResult, Source, SourceContext, SplitReader, SplitSpec } from '../../ports/source.ts';
import type { Row, ScriptRecord, ScriptSplit } from './script.ts';
import { SimClock } from './sim-clock.ts';
import type { Caller } from './sim-process.ts';

export class ScriptedSource implements Source<Row> {
  readonly description: string;
  readonly bounded: boolean;
  readonly #index: number;

  constructor(index: number, bounded: boolean) {
    this.#index = index;
    this.bounded = bounded;
    this.description = `script ${index}`;
  }

  async validate(): Promise<void> {}

  discover(ctx: SourceContext): Promise<readonly SplitSpec[]> {
    const caller = callerOf(ctx.clock);
    const { world } = caller;
    return caller.read('discover', () =>
      world.script[this.#index]!.splits.filter(
        (split) => caller.sees === 'everything' || split.appearsMs <= world.queue.now,
      ).map((split) => ({
        id: split.id,
        startPosition: split.start,
      })),
    );
  }

  async open(split: SplitSpec, position: number, ctx: SourceContext): Promise<SplitReader> {
    const caller = callerOf(ctx.clock);
    const script = caller.world.script[this.#index]!;
    const found = script.splits.find((s) => s.id === split.id);
    if (found === undefined) throw new InvariantError(`the script has no split ${split.id}`);
    if (caller.sees === 'now') caller.world.opened.add(found);
    return new ScriptReader(
      caller,
      found,
      position,
      () => caller.sees === 'everything' || this.bounded || caller.world.everySplitIsKnown(),
    );
  }
}

class ScriptReader implements SplitReader {
  readonly #caller: Caller;
  readonly #split: ScriptSplit;
  readonly #mayEnd: () => boolean;
  #at: number;

  constructor(caller: Caller, split: ScriptSplit, position: number, mayEnd: () => boolean) {
    this.#caller = caller;
    this.#split = split;
    this.#mayEnd = mayEnd;
    this.#at = split.records.findIndex((record) => record.position >= position);
    if (this.#at < 0) this.#at = split.records.length;
    const there = this.#at < split.records.length ? split.records[this.#at]!.position : split.end;
    if (position !== there) throw new InvariantError(`split ${split.id} has no record at position ${position}`);
  }

  fill(maxRows: number, to: number | null): FillResult | Promise<FillResult> {
    const caller = this.#caller;
    const { world } = caller;
    if (caller.chance('fill?', 0.7) || caller.sees === 'everything') return this.#take(maxRows, to);
    return caller
      .read('fill', () => null)
      .then(async () => {
        if (!world.calm && caller.chance('fill.slow', world.profile.slow))
          await caller.sleep(world.longMs(`${caller.name}.slow`));
        return this.#take(maxRows, to);
      });
  }

  release(): void {}

  endPosition(): number | null {
    return null;
  }

  async close(): Promise<void> {}

  #take(maxRows: number, to: number | null): FillResult {
    const { records, end } = this.#split;
    const { world, sees } = this.#caller;
    const limit = Math.max(1, Math.min(maxRows, world.batchRows));
    const taken: ScriptRecord[] = [];
    while (taken.length < limit) {
      const record = records[this.#at];
      if (record === undefined || (to !== null && record.position >= to)) break;
      if (sees === 'now' && record.readyMs > world.queue.now) break;
      taken.push(record);
      this.#at++;
    }
    if (taken.length > 0) return batchOf(taken, records[this.#at]?.position ?? end);
    const next = records[this.#at];
    if (to !== null && (next?.position ?? end) >= to) return 'end';
    return next === undefined && this.#mayEnd() ? 'end' : 'empty';
  }
}

function batchOf(records: readonly ScriptRecord[], endPosition: number): SourceBatch {
  const good = records.filter((record) => record.row !== null);
  const bad = records
    .filter((record) => record.row === null)
    .map((record): BadRecord => ({ position: record.position, raw: `bad ${record.id}`, error: 'does not parse' }));
  return {
    n: good.length,
    values: good.map((record) => record.row),
    row: null,
    cols: null,
    timestamps: null,
    positionOf: (i) => good[i]!.position,
    rawOf: (i) => textOf(good[i]!.row),
    endPosition,
    bad,
  };
}

/** Whose clock it is. */
export function callerOf(clock: unknown): Caller {
  if (clock instanceof SimClock) return clock.caller;
  throw new InvariantError('a simulated source or sink runs on a simulated clock');
}
