/** One sink: a writer per slot in use, what they stage, and what is published after the commit. */
import type { Manifest, ObjectRef, StagedSlot } from '../checkpoint/records.ts';
import type { JobNode } from '../graph/job-graph.ts';
import { ConfigError, messageOf, RetryableError, UnknownOutcomeError, UserCodeError } from '../model/errors.ts';
import { DEFAULT_SINK_SLOTS } from '../model/limits.ts';
import type { Sink, SinkContext, SinkPublisher, SinkWriter } from '../ports/sink.ts';
import type { SinkLeaf } from './chain-leaf.ts';
import type { ObjectIo } from './object-io.ts';
import { sinkProgress } from './sink-progress.ts';

export class SinkTask {
  readonly node: JobNode;
  private readonly sink: Sink<never>;
  private readonly ctx: SinkContext;
  private readonly writers = new Map<number, SinkWriter<never>>();
  private publisher: SinkPublisher | null = null;

  constructor(node: JobNode, sink: Sink<never>, ctx: SinkContext) {
    this.node = node;
    this.sink = sink;
    this.ctx = ctx;
  }

  async validate(): Promise<void> {
    await this.sink.validate(this.ctx);
  }

  async open(): Promise<void> {
    await this.sink.open?.(this.ctx);
  }

  get target(): string | null {
    return this.sink.target ?? null;
  }

  get needsRefresh(): boolean {
    return this.sink.needsRefresh === true;
  }

  get notice(): string | null {
    return this.sink.notice ?? null;
  }

  get bytes(): number {
    let sum = 0;
    for (const writer of this.writers.values()) sum += writer.bytes;
    return sum;
  }

  /** Takes the rows of a leaf into the subtask's slot. */
  write(leaf: SinkLeaf, subtask: number): void {
    if (leaf.n === 0) return;
    const slot = subtask % DEFAULT_SINK_SLOTS;
    let writer = this.writers.get(slot);
    if (writer === undefined) this.writers.set(slot, (writer = this.sink.writer(this.ctx)));
    try {
      writer.write(leaf.values as never[], leaf.ts, leaf.n);
    } catch (thrown) {
      throw new UserCodeError(
        `job "${this.ctx.job}", sink "${this.node.uid}": writing row ${Math.max(0, writer.failedRow)} of a batch failed: ${messageOf(thrown)}`,
        { job: this.ctx.job, operator: this.node.name },
        thrown,
      );
    }
    leaf.n = 0;
  }

  discard(): void {
    for (const writer of this.writers.values()) writer.discard();
  }

  /** Stages what was written since the last time. */
  async stage(io: ObjectIo): Promise<StagedSlot[]> {
    const staged: StagedSlot[] = [];
    for (const [slot, writer] of [...this.writers].sort(([a], [b]) => a - b)) {
      const { chunks, records } = writer.take();
      if (chunks.length === 0) continue;
      const objects: ObjectRef[] = [await io.write(`out-${this.node.uid}-${slot}`, chunks)];
      const { stagedForm } = this.sink;
      staged.push({
        sink: this.node.uid,
        slot,
        records,
        objects,
        ...(stagedForm === undefined ? {} : { form: stagedForm }),
      });
    }
    return staged;
  }

  /** Throws ConfigError where this is another sink than the one that staged it. */
  checkStaged({ run, epoch }: Manifest, { slot, records, form }: StagedSlot): void {
    const { stagedForm } = this.sink;
    if (form === undefined || stagedForm === undefined || form === stagedForm) return;
    throw new ConfigError(
      `job "${this.ctx.job}", sink "${this.node.uid}": epoch ${epoch} is committed, and its ${records} records for this sink were staged as ${form}, which ${this.sink.description} (${stagedForm}) cannot publish. Run the job as it was until that epoch is published, then change the sink; or give the new sink another uid beside the old one.`,
      { job: this.ctx.job, sink: this.node.uid, run, epoch, slot },
    );
  }

  async publish(manifest: Manifest, io: ObjectIo, published: () => void): Promise<void> {
    await this.publishSlots(manifest, io, published);
    if (this.sink.followsWatermark !== true) return;
    this.publisher ??= await this.sink.publisher(this.ctx);
    await this.publisher.committed?.(sinkProgress(this.node, manifest));
  }

  /** What is staged, and nobody is told that it is all. */
  async publishSlots(manifest: Manifest, io: ObjectIo, published: () => void): Promise<void> {
    const staged = manifest.staged.filter((s) => s.sink === this.node.uid);
    if (staged.length > 0) this.publisher ??= await this.sink.publisher(this.ctx);
    if (this.sink.concurrentSlots === true)
      await allOf(staged.map((slot) => this.publishSlot(manifest, slot, io, published)));
    else for (const slot of staged) await this.publishSlot(manifest, slot, io, published);
  }

  /** Nothing depends on it now: what can be tried again is told, and is tried again the next time. */
  async refresh(tell: (text: string, data: Readonly<Record<string, unknown>>) => void): Promise<void> {
    if (!this.needsRefresh) return;
    try {
      this.publisher ??= await this.sink.publisher(this.ctx);
      await this.publisher.refresh?.();
    } catch (thrown) {
      if (!(thrown instanceof RetryableError) && !(thrown instanceof UnknownOutcomeError)) throw thrown;
      tell('a sink could not keep its markers fresh; it is tried again', { sink: this.node.uid, why: thrown.message });
    }
  }

  private async publishSlot(
    { run, epoch }: Manifest,
    { slot, records, objects }: StagedSlot,
    io: ObjectIo,
    published: () => void,
  ): Promise<void> {
    const chunks: Uint8Array[] = [];
    for (const object of objects) chunks.push(await io.read(object));
    await this.publisher!.publish({ run, epoch, slot, records, chunks });
    published();
  }

  async stamp(run: string, epoch: number): Promise<void> {
    const publisher = (this.publisher ??= await this.sink.publisher(this.ctx));
    const slots = Array.from({ length: DEFAULT_SINK_SLOTS }, (_, slot) => slot);
    if (this.sink.concurrentSlots === true) await allOf(slots.map((slot) => publisher.stamp(run, epoch, slot)));
    else for (const slot of slots) await publisher.stamp(run, epoch, slot);
  }

  async close(): Promise<void> {
    await this.publisher?.close();
    this.publisher = null;
  }
}

/** Waits for all of them, so that nothing is under way when one has failed. */
async function allOf(works: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(works)) if (outcome.status === 'rejected') throw outcome.reason;
}
