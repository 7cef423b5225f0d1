/** One split within an epoch: its reader, how far it has been read, and the state of its channel. */
import type { PlannedSplit, ReadRange, SkippedRecord } from '../checkpoint/records.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../model/watermark.ts';
import type { SourceBatch } from '../model/source-batch.ts';
import type { SplitReader } from '../ports/source.ts';

export class SplitTask {
  /** `<source uid>/<split id>` */
  readonly id: string;
  readonly rank: number;
  readonly reader: SplitReader;
  /** After the last record handed to the chain. */
  position: number;
  /** Channel state of the source's chain. */
  readonly state: Float64Array;
  /** The watermark now, for each exchange leaf of the chain. */
  leafWatermarks: number[] = [];
  /** A batch read ahead while the job waited for input. */
  pending: SourceBatch | null = null;
  /** Records, by position, that go to the dead letters instead of the operators. */
  skip: ReadonlyMap<number, SkippedRecord> = new Map();
  plan!: PlannedSplit;
  rows = 0;
  /** Nothing more to read: for now, for this epoch, or for good. */
  status: 'reading' | 'waiting' | 'done' | 'ended' = 'reading';
  idle = false;
  idleSince: number | null = null;

  constructor(id: string, rank: number, reader: SplitReader, position: number, state: readonly number[]) {
    this.id = id;
    this.rank = rank;
    this.reader = reader;
    this.position = position;
    this.state = Float64Array.from(state);
  }

  begin(
    plan: PlannedSplit,
    clockMs: number,
    idlenessMs: number | null,
    skip: ReadonlyMap<number, SkippedRecord>,
  ): void {
    this.plan = plan;
    this.skip = skip;
    this.rows = 0;
    this.status = plan.state?.ended === true ? 'ended' : 'reading';
    this.idleSince = plan.state?.idleSince ?? null;
    this.idle = idlenessMs !== null && this.idleSince !== null && clockMs - this.idleSince >= idlenessMs;
  }

  /** The smallest watermark over the leaves: what decides which split is read next. */
  get watermark(): number {
    let wm = MAX_WATERMARK;
    for (const each of this.leafWatermarks) if (each < wm) wm = each;
    return wm;
  }

  /** What the manifest says of it. `uid`: the source's. */
  range(uid: string, clockMs: number, tracksIdleness: boolean): ReadRange {
    const ended = this.status === 'ended';
    const idleSince = tracksIdleness && this.rows === 0 && !ended ? (this.idleSince ?? clockMs) : null;
    const watermark = ended ? MAX_WATERMARK : Math.max(MIN_WATERMARK, Math.min(this.watermark, MAX_WATERMARK));
    return {
      id: this.id,
      from: this.plan.from,
      to: this.position,
      state: { generators: { [uid]: [...this.state] }, watermark, idleSince, ended },
    };
  }
}
