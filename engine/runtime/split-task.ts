/** One split within an epoch: its reader, how far it has been read, and the state of its channel. */
import { detailsOf } from '../checkpoint/build-plan.ts';
import type { Plan, PlannedSplit, ReadRange, SkippedRecord } from '../checkpoint/records.ts';
import { UserCodeError } from '../model/errors.ts';
import { MAX_GENERATOR_STATE_BYTES } from '../model/limits.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../model/watermark.ts';
import type { SourceBatch } from '../model/source-batch.ts';
import type { ChannelObject } from '../operators/fusible.ts';
import type { KnownSplits, SplitReader } from '../ports/source.ts';
import { pack, unpack } from '../state/serializer.ts';

export class SplitTask {
  /** `<source uid>/<split id>` */
  readonly id: string;
  readonly rank: number;
  readonly reader: SplitReader;
  /** After the last record handed to the chain. */
  position: number;
  /** Channel state of the source's chain. */
  readonly state: Float64Array;
  /** The user's watermark generators; null: not made yet. */
  objects: readonly ChannelObject[] | null = null;
  /** The watermark now, for each exchange leaf of the chain. */
  leafWatermarks: number[] = [];
  /** Stands for it where rows go to sinks only and the source is aligned. */
  sinkWatermark = MAX_WATERMARK;
  /** The watermark now for each sink that follows it, by uid. */
  sinkWatermarks: Readonly<Record<string, number>> | null = null;
  /** A batch read ahead while the job waited for input. */
  pending: SourceBatch | null = null;
  /** Records, by position, that go to the dead letters instead of the operators. */
  skip: ReadonlyMap<number, SkippedRecord> = new Map();
  plan!: PlannedSplit;
  rows = 0;
  /** Nothing more to read: for now, for this epoch, or for good. */
  status: 'reading' | 'waiting' | 'done' | 'ended' = 'reading';
  /** It is held back by the alignment of its group. */
  paused = false;
  idleByClock = false;
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
    this.paused = false;
    this.idleByClock = idleAt(this.idleSince, clockMs, idlenessMs);
  }

  /** Holds nobody back: there has been nothing to read for long enough, or its generators say so. */
  get idle(): boolean {
    return this.idleByClock || this.markedIdle;
  }

  private get markedIdle(): boolean {
    const { objects } = this;
    return objects !== null && objects.length > 0 && objects.every((object) => object.idle);
  }

  /** The objects of its channel, new or as the plan has them. */
  makeObjects(uid: string, make: readonly ((channel: string) => ChannelObject)[]): readonly ChannelObject[] {
    const kept = this.plan.state?.objects?.[uid];
    this.objects = make.map((one, i) => {
      const object = one(this.id);
      if (kept?.length === make.length) object.restore(unpack(Buffer.from(kept[i]!, 'base64')));
      return object;
    });
    return this.objects;
  }

  /** The smallest watermark over the leaves: what decides which split is read next. */
  get watermark(): number {
    let wm = this.sinkWatermark;
    for (const each of this.leafWatermarks) if (each < wm) wm = each;
    return wm;
  }

  /** What the manifest says of it. `uid`: the source's. */
  range(uid: string, clockMs: number, tracksIdleness: boolean): ReadRange {
    const ended = this.status === 'ended';
    const paused = this.paused || (this.plan.paused ?? false);
    const idleSince = tracksIdleness && this.rows === 0 && !ended && !paused ? (this.idleSince ?? clockMs) : null;
    const watermark = ended ? MAX_WATERMARK : Math.max(MIN_WATERMARK, Math.min(this.watermark, MAX_WATERMARK));
    return {
      id: this.id,
      from: this.plan.from,
      to: this.position,
      state: {
        generators: { [uid]: [...this.state] },
        ...(this.objects === null || this.objects.length === 0 ? {} : { objects: { [uid]: this.objects.map(packed) } }),
        watermark,
        ...(this.sinkWatermarks === null ? {} : { sinks: this.sinkWatermarks }),
        idleSince,
        ...(this.markedIdle ? { idle: true } : {}),
        ...(paused ? { paused: true } : {}),
        ended,
      },
      ...detailsOf(this.plan),
    };
  }
}

/** The splits that a plan goes on with. */
export function splitsBefore({ splits }: Pick<Plan, 'splits'>): KnownSplits {
  return new Map(
    splits.map((split) => [
      split.id,
      { position: split.from, ended: split.state?.ended ?? false, ...detailsOf(split) },
    ]),
  );
}

/** Has a split had nothing to read for so long, at this clock? */
export function idleAt(idleSince: number | null, clockMs: number, idlenessMs: number | null): boolean {
  return idlenessMs !== null && idleSince !== null && clockMs - idleSince >= idlenessMs;
}

function packed(object: ChannelObject): string {
  const bytes = pack(object.snapshot());
  if (bytes.length > MAX_GENERATOR_STATE_BYTES) {
    throw new UserCodeError(
      `the state of a watermark generator takes ${bytes.length} bytes; it is part of every manifest and has room for ${MAX_GENERATOR_STATE_BYTES}. Keep less in it, or leave snapshotState out.`,
    );
  }
  return Buffer.from(bytes).toString('base64');
}
