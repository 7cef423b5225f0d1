/**
 * The simulated sinks. `transactional`: Kafka's shape, a target that knows who fenced it last and holds its marker beside the
 * records. `files`: create-if-absent under a name that is the marker; what was not flushed is lost or torn when the machine dies.
 * `two-phase`: see sim-two-phase-sink.ts.
 */
import { compareMarkers } from '../../checkpoint/run-ids.ts';
import { FencedError, InvariantError } from '../../model/errors.ts';
import { PackingWriter } from '../../operators/collect-sink.ts';
import { readStagedRecords, RecordWriter } from '../../operators/two-phase/staged-records.ts';
import type { Publication, Sink, SinkContext, SinkPublisher, SinkWriter } from '../../ports/sink.ts';
import { unpack } from '../../state/serializer.ts';
import { callerOf } from './scripted-source.ts';
import type { Caller } from './sim-process.ts';
import { SimTwoPhaseSink } from './sim-two-phase-sink.ts';
import type { Inode, SinkKind, SlotTarget } from './sink-target.ts';

export class SimSink implements Sink<unknown> {
  readonly description: string;
  readonly guarantee = 'EXACTLY_ONCE';
  readonly #kind: SinkKind;

  constructor(kind: SinkKind) {
    this.#kind = kind;
    this.description = `simulated ${kind}`;
  }

  async validate(): Promise<void> {}

  writer(): SinkWriter<unknown> {
    return this.#kind === 'two-phase' ? new RecordWriter() : new PackingWriter();
  }

  async publisher(ctx: SinkContext): Promise<SinkPublisher> {
    const caller = callerOf(ctx.clock);
    if (this.#kind === 'two-phase') return await new SimTwoPhaseSink(caller).publisher(ctx);
    return this.#kind === 'files' ? new FilePublisher(caller, ctx.sink) : new TransactionalPublisher(caller, ctx.sink);
  }
}

const rowsOf = (publication: Publication): unknown[] =>
  publication.chunks.flatMap((chunk) => stagedRows('transactional', chunk));

/** The rows of a staged object. */
export function stagedRows(kind: SinkKind, bytes: Uint8Array): unknown[] {
  return kind === 'two-phase' ? readStagedRecords([bytes]).map(({ value }) => value) : (unpack(bytes) as unknown[]);
}

class TransactionalPublisher implements SinkPublisher {
  readonly #caller: Caller;
  readonly #sink: string;

  constructor(caller: Caller, sink: string) {
    this.#caller = caller;
    this.#sink = sink;
  }

  async publish(publication: Publication): Promise<'published' | 'already'> {
    const { run, epoch, slot } = publication;
    const { world } = this.#caller;
    const { sinkGuards } = world;
    const target = world.target(this.#sink, slot);
    let token = sinkGuards.fenceBeforeMarker ? await this.#fence(target) : 0;
    const marker = await this.#caller.read('sink.marker', () => target.marker);
    if (!sinkGuards.fenceBeforeMarker) token = await this.#fence(target);
    const own = { run, epoch };
    if (sinkGuards.marker) {
      const absent = marker === null || marker.run < run;
      if (absent && sinkGuards.absentMarkerStops)
        throw new InvariantError(
          `the marker of ${this.#sink}/${slot} is gone: whether epoch ${epoch} is there cannot be told.`,
          { question: true },
        );
      if (marker !== null && marker.run > run && sinkGuards.markerIsMonotone)
        throw new FencedError(`${this.#sink}/${slot} belongs to run ${marker.run}`);
      const there =
        marker !== null &&
        (sinkGuards.markerIsMonotone ? compareMarkers(marker, own) >= 0 : compareMarkers(marker, own) === 0);
      if (there) return 'already';
    }
    await this.#caller.write('sink.commit', () => {
      if (sinkGuards.fence && target.fence !== token)
        throw new FencedError(`${this.#sink}/${slot} was fenced by another producer`);
      world.publish(this.#sink, slot, own, rowsOf(publication));
      if (sinkGuards.markerInTransaction) target.marker = own;
    });
    if (!sinkGuards.markerInTransaction)
      await this.#caller.write('sink.mark', () => {
        target.marker = own;
      });
    return 'published';
  }

  async stamp(run: string, epoch: number, slot: number): Promise<void> {
    const { world } = this.#caller;
    const target = world.target(this.#sink, slot);
    const token = await this.#fence(target);
    const marker = await this.#caller.read('sink.marker', () => target.marker);
    if (world.sinkGuards.stampIsMonotone) {
      if (marker !== null && marker.run > run)
        throw new FencedError(`${this.#sink}/${slot} belongs to run ${marker.run}`);
      if (marker !== null && marker.run === run) return;
    }
    await this.#caller.write('sink.stamp', () => {
      if (world.sinkGuards.stampIsMonotone && target.fence !== token)
        throw new FencedError(`${this.#sink}/${slot} was fenced by another producer`);
      target.marker = { run, epoch };
    });
  }

  async close(): Promise<void> {}

  #fence(target: SlotTarget): Promise<number> {
    return this.#caller.write('sink.fence', () => ++target.fence);
  }
}

class FilePublisher implements SinkPublisher {
  readonly #caller: Caller;
  readonly #sink: string;

  constructor(caller: Caller, sink: string) {
    this.#caller = caller;
    this.#sink = sink;
  }

  async publish(publication: Publication): Promise<'published' | 'already'> {
    const caller = this.#caller;
    const { world } = caller;
    const { sinkGuards } = world;
    const { run, epoch, slot } = publication;
    const inode = await caller.write('file.write', (): Inode => {
      const made: Inode = { rows: rowsOf(publication), durable: false };
      world.unflushed(caller, made);
      return made;
    });
    const sync = (): Promise<void> =>
      caller.write('file.sync', () => {
        inode.durable = true;
      });
    if (sinkGuards.syncBeforeLink) await sync();
    const name = sinkGuards.nameIsMarker ? '' : caller.name;
    const linked = await caller.write('file.link', () => world.link(this.#sink, slot, { run, epoch }, inode, name));
    if (!sinkGuards.syncBeforeLink) await sync();
    return linked;
  }

  /** Names hold the run: nothing of an older run can be mistaken for this one's. */
  async stamp(): Promise<void> {}

  async close(): Promise<void> {}
}
