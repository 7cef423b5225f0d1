/**
 * Publishes a slot's epoch in one short transaction, exactly once whatever dies when (ARCHITECTURE section 6):
 *
 *     fence (InitProducerId) → read the marker → write the records and the marker → commit
 *
 * K1 The fence comes before the look: whoever was publishing this slot can write nothing after it, and what was open is aborted. A
 *    commit consumes the producer's epoch, so the producer that made it is the fence of the next publication, if that comes soon.
 * K2 The look waits for transactions that are being ended (requireStable), so a commit whose answer was lost is seen.
 * K3 Records and marker are one transaction: both are visible or neither.
 * K4 The marker is monotone: at or beyond (run, epoch) means there; runs compare as strings.
 * K5 Absent, of an older run, or behind what this process has seen: nobody can tell whether the epoch is there. Stop and ask.
 * K6 No transaction outlives a call: it is committed, or aborted here, or aborted by the fence of the repeat.
 * K7 A fence by somebody else is no verdict: the marker is (a late zombie fences too, and changes nothing).
 */
import { FencedError, RetryableError, UnknownOutcomeError } from '../../../model/errors.ts';
import { DEFAULT_SINK_SLOTS } from '../../../model/limits.ts';
import type { Publication, SinkContext, SinkPublisher } from '../../../ports/sink.ts';
import type { KafkaClient, TransactionalProducer } from '../client/kafka-client.ts';
import type { ProducerSettings } from './producer-properties.ts';
import { batchesOf } from './publication-batches.ts';
import { markerQuestion } from './marker-question.ts';
import { StagedFrames } from './record-frames.ts';
import { sendBatches } from './send-batches.ts';
import {
  compareMarkers,
  foreignMarker,
  isOwnMarker,
  offsetOfMarker,
  readMarker,
  transactionalIdOf,
  type MarkerPlace,
  type SlotMarker,
} from './slot-marker.ts';
import { TopicPartitions } from './topic-partitions.ts';

/** A producer that was last used longer ago is not trusted: brokers forget transactional ids, and sockets die. */
const FENCE_AGE_MS = 60_000;
/** Markers are looked at so often, whether one is old. */
const REFRESH_CHECK_MS = 600_000;
const REFRESHES_A_LIFE = 4;

interface Fence {
  readonly producer: TransactionalProducer;
  usedAtMs: number;
}

export class TransactionalPublisher implements SinkPublisher {
  private readonly client: KafkaClient;
  private readonly ctx: SinkContext;
  private readonly place: MarkerPlace;
  private readonly settings: ProducerSettings;
  private readonly partitions: TopicPartitions;
  private readonly fences = new Map<number, Fence>();
  /** What this process last saw or wrote, by slot. */
  private readonly seen = new Map<number, SlotMarker>();
  private refreshAtMs = Number.NEGATIVE_INFINITY;
  /** Null: not asked yet. */
  private markerRefreshMs: number | null = null;

  constructor(client: KafkaClient, ctx: SinkContext, place: MarkerPlace, settings: ProducerSettings) {
    this.client = client;
    this.ctx = ctx;
    this.place = place;
    this.settings = settings;
    this.partitions = new TopicPartitions(client, ctx.clock, `job "${ctx.job}", sink "${ctx.sink}"`);
  }

  async publish(publication: Publication): Promise<'published' | 'already'> {
    const { run, epoch, slot } = publication;
    return await this.guarded(slot, `epoch ${epoch} of run ${run}`, async () => {
      const producer = await this.fence(slot);
      const marker = await this.look(slot, run);
      const seen = this.seen.get(slot);
      const isBehind = marker !== null && seen !== undefined && compareMarkers(marker, seen) < 0;
      if (marker === null || marker.run < run || isBehind)
        throw markerQuestion(this.ctx, this.place, publication, marker, isBehind ? seen : null);
      this.seen.set(slot, marker);
      if (marker.epoch >= epoch) return 'already';
      const frames = new StagedFrames(publication.chunks);
      const batches = batchesOf(frames, publication, await this.partitions.of(frames.topics()));
      await sendBatches(producer, batches, this.settings.compression, publication, this.where(slot));
      await this.mark(producer, slot, run, epoch);
      return 'published';
    });
  }

  async stamp(run: string, epoch: number, slot: number): Promise<void> {
    await this.guarded(slot, `the stamp of run ${run}`, async () => {
      const producer = await this.fence(slot);
      const marker = await this.look(slot, run);
      if (marker !== null && marker.run === run) return;
      await this.mark(producer, slot, run, epoch);
    });
  }

  /** Offsets expire: the markers of slots that write nothing are written anew. */
  async refresh(): Promise<void> {
    const { clock } = this.ctx;
    if (clock.monotonicMs() < this.refreshAtMs) return;
    this.refreshAtMs = clock.monotonicMs() + REFRESH_CHECK_MS;
    const everyMs = await this.refreshEveryMs();
    this.refreshAtMs = clock.monotonicMs() + Math.min(REFRESH_CHECK_MS, everyMs);
    for (let slot = 0; slot < DEFAULT_SINK_SLOTS; slot++) {
      const seen = this.seen.get(slot) ?? (await readMarker(this.client, this.place, slot, true));
      if (seen === null || !isOwnMarker(seen, this.ctx)) continue;
      this.seen.set(slot, seen);
      if (clock.nowMs() - seen.writtenMs < everyMs) continue;
      await this.guarded(slot, 'refreshing the marker', async () => {
        const producer = await this.fence(slot);
        const marker = await this.look(slot, seen.run);
        if (marker !== null) await this.mark(producer, slot, marker.run, marker.epoch);
      });
    }
  }

  /** Well before the brokers forget: they may keep offsets for minutes only. */
  private async refreshEveryMs(): Promise<number> {
    if (this.markerRefreshMs === null) {
      const minutes = Number((await this.client.brokerSetting('offsets.retention.minutes')) ?? Infinity);
      const { markerRefreshMs } = this.settings;
      this.markerRefreshMs = Math.min(markerRefreshMs, (minutes * 60_000) / REFRESHES_A_LIFE);
    }
    return this.markerRefreshMs;
  }

  async close(): Promise<void> {
    for (const slot of [...this.fences.keys()]) await this.dropFence(slot);
    await this.client.close();
  }

  /** K1. */
  private async fence(slot: number): Promise<TransactionalProducer> {
    const { clock } = this.ctx;
    const known = this.fences.get(slot);
    if (known !== undefined && clock.monotonicMs() - known.usedAtMs < FENCE_AGE_MS) return known.producer;
    await this.dropFence(slot);
    const id = transactionalIdOf(this.place, slot);
    const producer = await this.client.transactionalProducer(id, this.settings.transactionTimeoutMs);
    this.fences.set(slot, { producer, usedAtMs: clock.monotonicMs() });
    return producer;
  }

  private async dropFence(slot: number): Promise<void> {
    const fence = this.fences.get(slot);
    if (fence === undefined) return;
    this.fences.delete(slot);
    await fence.producer.close();
  }

  /** K2, K4: the marker, if it is of this sink and of no newer run. */
  private async look(slot: number, run: string): Promise<SlotMarker | null> {
    const marker = await readMarker(this.client, this.place, slot, true);
    if (marker === null) return null;
    if (!isOwnMarker(marker, this.ctx)) throw foreignMarker(this.ctx, this.place, slot, marker);
    if (marker.run > run)
      throw new FencedError(
        `${this.where(slot)}: Kafka's marker belongs to the newer run ${marker.run}; run ${run} has been replaced and stops. If the job's state folder was reset while the clock went back, or a copy of the job runs elsewhere, choose another setTransactionalIdPrefix().`,
        { run, newer: marker.run },
      );
    return marker;
  }

  /** K3. */
  private async mark(producer: TransactionalProducer, slot: number, run: string, epoch: number): Promise<void> {
    const { job, sink, clock } = this.ctx;
    const marker: SlotMarker = { job, sink, run, epoch, writtenMs: clock.nowMs() };
    await producer.sendOffsets(transactionalIdOf(this.place, slot), [offsetOfMarker(this.place.topic, marker)]);
    await producer.commit();
    this.seen.set(slot, marker);
    const fence = this.fences.get(slot);
    if (fence !== undefined) fence.usedAtMs = clock.monotonicMs();
  }

  /** K6, K7: after any failure the slot is fenced anew; fenced by somebody else, at once. */
  private async guarded<R>(slot: number, what: string, run: () => Promise<R>): Promise<R> {
    for (let isAgain = false; ; isAgain = true) {
      try {
        return await run();
      } catch (thrown) {
        const fence = this.fences.get(slot);
        this.fences.delete(slot);
        this.partitions.forget();
        await this.abandon(fence?.producer, thrown);
        if (!(thrown instanceof FencedError) || thrown.at['newer'] !== undefined) throw thrown;
        if (!isAgain) continue;
        throw new RetryableError(
          `${this.where(slot)}, ${what}: another producer keeps taking transactional id "${transactionalIdOf(this.place, slot)}" away. It is tried again, and goes by the marker then; if this does not end, something else uses the id: choose another setTransactionalIdPrefix().`,
          { slot },
          thrown,
        );
      }
    }
  }

  /** K6. What cannot be aborted now is aborted by the next fence, or by the broker after transaction.timeout.ms. */
  private async abandon(producer: TransactionalProducer | undefined, thrown: unknown): Promise<void> {
    if (producer === undefined) return;
    const mayBeOpen = !(thrown instanceof FencedError) && !(thrown instanceof UnknownOutcomeError);
    try {
      if (mayBeOpen) await producer.abort();
    } catch {
      // The failure that led here is the one to tell.
    }
    await producer.close().catch(() => undefined);
  }

  private where(slot: number): string {
    return `job "${this.ctx.job}", sink "${this.ctx.sink}", slot ${slot}`;
  }
}
