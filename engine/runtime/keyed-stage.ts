/**
 * A keyed stage of a fused epoch: keys to ids, rows to subtasks, and the order of things within the epoch.
 *
 * Direct stages are fed by sources only: rows flow through the merge as they are read. Buffered stages have another keyed stage before
 * them: a key group of that stage may still emit rows with an early watermark at the end of the epoch, so their rows wait until then
 * and are ordered by (watermark before, channel rank, position) at once: the same order (E7a).
 *
 * Where not all keys are in memory (backend `table`: `paged`), rows of direct stages wait in the merge until everything has been read; then
 * what they need is loaded at once.
 */
import type { JobNode } from '../graph/job-graph.ts';
import { invariant, InvariantError } from '../model/errors.ts';
import { BATCH_ROWS } from '../model/limits.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../model/watermark.ts';
import type { ExchangeBatch } from '../operators/exchange-batch.ts';
import type { KeyedOperator } from '../operators/keyed-operator.ts';
import type { Clock } from '../ports/clock.ts';
import { BROADCAST_PREFIX } from '../state/key-in-group.ts';
import { KeyIndex } from '../state/key-index.ts';
import type { StateReader } from '../state/state-entries.ts';
import type { KeyTimes } from '../ports/state-table.ts';
import { assignKeys } from './assign-keys.ts';
import type { ExchangeLeaf } from './chain-leaf.ts';
import { KeyedSubtask } from './keyed-subtask.ts';
import { EpochSlices } from './epoch-slices.ts';
import type { OutputChain } from './output-chain.ts';
import { columnOf, dealtOut, emptied, fresh, inOrder } from './stage-rows.ts';
import { PagedKeys } from './table/paged-keys.ts';
import type { TableBackend } from './table/table-backend.ts';

export interface StageWiring {
  readonly job: string;
  readonly clock: Clock;
  readonly node: JobNode;
  readonly maxParallelism: number;
  readonly buffered: boolean;
  readonly subtasks: number;
  /** The only subtask that lives here, in a fanned-out epoch; null: all of them. */
  readonly only: number | null;
  chain(subtask: number, tag: string | null): OutputChain | null;
  /** Null: all state is in memory. */
  readonly table: TableBackend | null;
  /** A further batch refers to the same source rows. */
  retain(batch: ExchangeBatch): void;
  release(batch: ExchangeBatch): void;
}

/** Rows of one channel, out of the shuffle, batch by batch. */
export interface ShuffledChannel {
  /** Its rank among all channels of the stage. */
  readonly rank: number;
  /** No row still to come has a smaller watermark before it. */
  readonly bound: number;
  /** With its keys: in `keys`, or in the string column `keyField` (`keyColumn` 0 or more). */
  next(): (ExchangeBatch & { readonly keyColumn: number; readonly keyField: string | null }) | null;
}

/** Rows of one buffered input, and the rank of its channel 0. */
export interface BufferedInput {
  readonly leaf: ExchangeLeaf;
  readonly rankBase: number;
}

export class KeyedStage {
  readonly wiring: StageWiring;
  readonly keys: KeyIndex;
  readonly subtasks: KeyedSubtask[] = [];
  readonly inputs: BufferedInput[] = [];
  /** The stage's watermark: at the end of the base epoch, then of this one. */
  watermark = MIN_WATERMARK;
  /** Null: all keys with state are in memory. */
  readonly paged: PagedKeys | null;
  private readonly slices: EpochSlices;
  private readonly owner: Int32Array;
  /** The greatest watermark before a row of the epoch. */
  private latest = MIN_WATERMARK;

  constructor(wiring: StageWiring) {
    this.wiring = wiring;
    const { node, maxParallelism, subtasks } = wiring;
    this.keys = new KeyIndex(maxParallelism);
    this.owner = new Int32Array(maxParallelism);
    if (node.operator.kind !== 'keyed') throw new InvariantError('a keyed stage starts at a keyed operator');
    for (let index = 0; index < subtasks; index++) {
      const keyGroups = keyGroupRange(maxParallelism, subtasks, index);
      this.owner.fill(index, ...keyGroups);
      if (wiring.only !== null && wiring.only !== index) continue;
      const subtask = new KeyedSubtask({
        job: wiring.job,
        clock: wiring.clock,
        node,
        index,
        keys: this.keys,
        keyGroups,
        operator: node.operator.factory.create(),
        chain: (tag) => wiring.chain(index, tag),
        release: (batch) => wiring.release(batch),
      });
      this.subtasks.push(subtask);
    }
    this.paged = this.pagedKeys(wiring.table);
    this.slices = new EpochSlices(this.subtasks, this.paged, this.keyGroups, maxParallelism);
  }

  private pagedKeys(table: TableBackend | null): PagedKeys | null {
    const { operator, uid } = this.wiring.node;
    if (operator.kind !== 'keyed' || operator.factory.stateByKey !== true || table?.isUsed !== true) return null;
    const { keys, keyGroups, reader } = this;
    const operatorOf = (id: number): KeyedOperator => this.owning(id).operator;
    const byOperator = (ids: readonly number[]): Iterable<readonly [KeyedOperator, number[]]> =>
      this.subtasks.map((subtask) => [subtask.operator, ids.filter((id) => this.owning(id) === subtask)] as const);
    return new PagedKeys({ job: this.wiring.job, uid, keys, keyGroups, reader, operatorOf, byOperator }, table);
  }

  get uid(): string {
    return this.wiring.node.uid;
  }

  get hasBroadcastState(): boolean {
    const { operator } = this.wiring.node;
    return operator.kind === 'keyed' && operator.factory.hasBroadcastState === true;
  }

  /** Key groups [from, to) that live here; none on a worker beyond the stage's subtasks. */
  get keyGroups(): readonly [number, number] {
    return [this.subtasks[0]?.keyGroups[0] ?? 0, this.subtasks.at(-1)?.keyGroups[1] ?? 0];
  }

  async open(): Promise<void> {
    for (const subtask of this.subtasks) await subtask.open();
  }

  /** Where restored entries of this stage go. */
  get reader(): StateReader {
    const of = (key: unknown): StateReader => {
      // Before keyGroups is read: a new key may replace that array by a longer one.
      const id = this.keys.idOf(key);
      return this.owning(id).operator;
    };
    const all = this.subtasks.map(({ operator }) => operator);
    const owners = (key: unknown, name: string): StateReader[] => (name.startsWith(BROADCAST_PREFIX) ? all : [of(key)]);
    return {
      restore: (key, name, sub, value) => {
        for (const owner of owners(key, name)) owner.restore(key, name, sub, value);
      },
      restoreRemoved: (key, name, sub) => {
        for (const owner of owners(key, name)) owner.restoreRemoved(key, name, sub);
      },
    };
  }

  restored(watermark: number): void {
    this.watermark = watermark;
    for (const subtask of this.subtasks) subtask.operator.restored(watermark);
  }

  begin(
    clockMs: number,
    channels: readonly { readonly rank: number; readonly bound: number }[],
    cap: number = MAX_WATERMARK,
  ): void {
    this.slices.beginEpoch();
    this.latest = MIN_WATERMARK;
    for (const subtask of this.subtasks) {
      subtask.beginEpoch(clockMs);
      subtask.merge.begin(channels, cap);
    }
  }

  async advanceProcessingTime(clockMs: number): Promise<void> {
    await this.slices.each('processing-time', clockMs, (start, end) => {
      for (const subtask of this.subtasks)
        for (const g of subtask.groupsIn(start, end)) subtask.advanceProcessingTime(g, clockMs);
    });
  }

  /** Rows of a direct input's channel; `batch` is given back through `release`. */
  accept(leaf: ExchangeLeaf, batch: ExchangeBatch, rank: number, bound: number): void {
    this.assignKeys(columnOf(leaf), batch);
    this.latest = Math.max(this.latest, batch.wm[batch.n - 1] ?? MIN_WATERMARK);
    if (this.subtasks.length === 1) {
      this.subtasks[0]!.merge.push(rank, batch, bound);
      this.drain();
      return;
    }
    const parts = dealtOut(batch, this.subtasks.length, (id) => this.ownerOf(id));
    for (const part of parts) this.wiring.retain(part);
    this.wiring.release(batch);
    this.subtasks.forEach((subtask, i) => {
      subtask.merge.push(rank, parts[i]!, bound);
    });
    this.drain();
  }

  close(rank: number, watermark: number | null): void {
    for (const subtask of this.subtasks) subtask.merge.close(rank, watermark);
  }

  /** Takes what nothing can precede any more, unless it has to be loaded first. */
  drain(): void {
    if (this.paged === null) for (const subtask of this.subtasks) subtask.merge.drain();
  }

  /** Takes all rows of the epoch; every channel is closed. */
  private async drainAll(watermark: number): Promise<void> {
    const collected = new Map<KeyedSubtask, ReturnType<KeyedSubtask['merge']['collect']>>();
    // Where all channels are idle, rows may be ahead of the stage's watermark.
    await this.slices.each('event-time', Math.max(watermark, this.latest), (start, end) => {
      const isAll = this.slices.isAll(start, end);
      for (const subtask of this.subtasks) {
        if (isAll) {
          subtask.merge.drain();
          continue;
        }
        const rows = collected.get(subtask) ?? subtask.merge.collect();
        collected.set(subtask, rows);
        for (const run of rows.runs) subtask.processRun(run, start, end);
        subtask.advanceAll(start, end, watermark);
      }
    });
    for (const { batches } of collected.values()) for (const batch of batches) this.wiring.release(batch);
  }

  /** Everything that has been read and still waits; every channel is closed. */
  async processRest(watermark: number, breathe: () => Promise<void>): Promise<void> {
    if (this.wiring.buffered) await this.processBuffered(watermark, breathe);
    else await this.drainAll(watermark);
  }

  get waiting(): number {
    let sum = 0;
    for (const { merge, operator } of this.subtasks) sum += merge.waiting + (operator.pending ?? 0);
    for (const { leaf } of this.inputs) sum += leaf.batch.n;
    return sum;
  }

  /** Everything that waited, in order. */
  private async processBuffered(cap: number, breathe: () => Promise<void>): Promise<void> {
    for (const { leaf } of this.inputs) this.assignKeys(columnOf(leaf), leaf.batch);
    await this.processInOrder(
      this.inputs.map(({ leaf, rankBase }) => ({ batch: leaf.batch, rankBase })),
      cap,
      breathe,
    );
    for (const { leaf } of this.inputs)
      leaf.batch = leaf.batch.capacity > 64 * BATCH_ROWS ? fresh(leaf) : emptied(leaf.batch);
  }

  /** A fanned-out epoch: all channels that have rows for this subtask, as they come out of the shuffle. `cap`: the final watermark. */
  async processChannels(
    channels: readonly ShuffledChannel[],
    cap: number,
    breathe: () => Promise<void>,
  ): Promise<void> {
    if (this.wiring.buffered) {
      const parts: { batch: ExchangeBatch; rankBase: number }[] = [];
      for (const channel of channels) {
        for (let batch = this.nextOf(channel); batch !== null; batch = this.nextOf(channel)) {
          batch.channel.fill(0, 0, batch.n);
          parts.push({ batch, rankBase: channel.rank });
        }
      }
      await this.processInOrder(parts, cap, breathe);
      return;
    }
    const { merge } = this.subtasks[0]!;
    let open = channels;
    while (open.length > 0) {
      open = open.filter((channel) => {
        const batch = this.nextOf(channel);
        if (batch === null) merge.close(channel.rank, cap);
        else merge.push(channel.rank, batch, channel.bound);
        return batch !== null;
      });
      this.drain();
      await breathe();
    }
    if (this.paged !== null) await this.drainAll(cap);
  }

  /** A fanned-out epoch: what senders have merged, before the first row. */
  async absorb(partials: readonly ShuffledChannel[]): Promise<void> {
    for (const channel of partials) {
      for (let batch = this.nextOf(channel); batch !== null; batch = this.nextOf(channel)) {
        await this.paged?.loadWanted();
        this.subtasks[0]!.absorb(batch);
        this.wiring.release(batch);
      }
    }
  }

  /** The channel's next rows, with their keys. */
  private nextOf(channel: ShuffledChannel): ExchangeBatch | null {
    const batch = channel.next();
    if (batch !== null) this.assignKeys(batch.keyColumn >= 0 ? batch.keyField : null, batch);
    return batch;
  }

  /** Rows by (watermark before, channel rank, position). */
  private async processInOrder(
    parts: readonly { readonly batch: ExchangeBatch; readonly rankBase: number }[],
    cap: number,
    breathe: () => Promise<void>,
  ): Promise<void> {
    const order = inOrder(parts);
    await this.slices.each('event-time', cap, async (start, end) => {
      const isAll = this.slices.isAll(start, end);
      for (let i = 0; i < order.length; i++) {
        const { batch, row } = order[i]!;
        const id = batch.keyIds[row]!;
        if (isAll || (id >= 0 && this.keys.keyGroups[id]! >= start && this.keys.keyGroups[id]! < end)) {
          if (batch.isBroadcast) for (const subtask of this.subtasks) subtask.gather(batch, row, cap);
          else this.owning(id).gather(batch, row, cap);
          // Ids are given to other keys when theirs leave memory.
          if (!isAll) batch.keyIds[row] = -1;
        }
        if (i % BATCH_ROWS === 0) await breathe();
      }
      for (const subtask of this.subtasks) {
        subtask.gatheredEnd(cap);
        if (!isAll) subtask.advanceAll(start, end, cap);
      }
    });
  }

  /** Its operators may have something under way. */
  get settles(): boolean {
    return this.subtasks.some(({ operator }) => operator.settle !== undefined);
  }

  /** What the operators have under way is finished. */
  async settle(): Promise<void> {
    for (const subtask of this.subtasks) await subtask.settle();
  }

  /** End of epoch: every key group's watermark becomes `watermark`. */
  async advance(watermark: number, breathe: () => Promise<void>): Promise<void> {
    this.watermark = Math.max(this.watermark, watermark);
    for (const subtask of this.subtasks) {
      for (let g = subtask.keyGroups[0]; g < subtask.keyGroups[1]; g++) {
        subtask.advance(g, this.watermark);
        await breathe();
      }
      subtask.flush();
    }
  }

  /** What changed in a subtask in this epoch, in pieces if there was much. `epoch`: its number. */
  snapshot(subtask: KeyedSubtask, epoch: number): readonly Uint8Array[] {
    return this.slices.snapshot(subtask, epoch);
  }

  /** When the next timer is due, or window over. */
  nextTimers(): KeyTimes {
    const all = this.subtasks.map((subtask) => subtask.nextTimers());
    if (this.paged !== null) all.push(this.paged.nextAway());
    return {
      eventTime: Math.min(Infinity, ...all.map((times) => times.eventTime)),
      processingTime: Math.min(Infinity, ...all.map((times) => times.processingTime)),
    };
  }

  /** `always`: however few there may be to give back. */
  sweepKeys(always: boolean): void {
    // That a key has nothing is worth knowing, where it is a question to the table.
    if (this.paged === null) this.keys.sweep((id) => this.owning(id).operator.isLive(id), always);
  }

  /** `failed`: is told what an operator threw, and the others are closed all the same. */
  async closeOperators(failed: (thrown: unknown) => void): Promise<void> {
    for (const subtask of this.subtasks) await subtask.close().catch(failed);
  }

  private ownerOf(id: number): number {
    return this.owner[this.keys.keyGroups[id]!]!;
  }

  private owning(id: number): KeyedSubtask {
    const { only } = this.wiring;
    const owner = this.ownerOf(id);
    if (only === null) return this.subtasks[owner]!;
    invariant(owner === only, `a key of subtask ${owner} came to subtask ${only} of ${this.uid}`);
    return this.subtasks[0]!;
  }

  /** `column`: the string column that holds the keys; null: they are in `batch.keys`. */
  private assignKeys(column: string | null, batch: ExchangeBatch): void {
    assignKeys(this.wiring, this.keys, column, batch);
    if (!batch.isBroadcast) this.paged?.want(batch.keyIds, batch.n);
  }
}

/** Flink's KeyGroupRangeAssignment: contiguous, as even as possible. */
export function keyGroupRange(maxParallelism: number, parallelism: number, index: number): [number, number] {
  const start = Math.floor((index * maxParallelism + parallelism - 1) / parallelism);
  const end = Math.floor(((index + 1) * maxParallelism + parallelism - 1) / parallelism);
  return [start, end];
}
