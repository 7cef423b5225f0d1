/**
 * One subtask of a keyed stage: an operator instance over a range of key groups, the merge of its channels, and the compiled chains
 * behind its outputs.
 */
import type { JobNode } from '../graph/job-graph.ts';
import { ConfigError, UserCodeError } from '../model/errors.ts';
import { BATCH_ROWS } from '../model/limits.ts';
import { RequestFailure } from '../operators/async-wait-operator.ts';
import { ExchangeBatch } from '../operators/exchange-batch.ts';
import type { KeyedOperator } from '../operators/keyed-operator.ts';
import { OutputBuffer } from '../operators/output-buffer.ts';
import type { Clock } from '../ports/clock.ts';
import type { KeyTimes } from '../ports/state-table.ts';
import type { KeyIndex } from '../state/key-index.ts';
import type { StateWriter } from '../state/state-entries.ts';
import { ChannelMerge, type MergedRun } from './channel-merge.ts';
import { operatorFailure, RecordFailure } from './failures.ts';
import type { OutputChain } from './output-chain.ts';

export interface SubtaskWiring {
  readonly job: string;
  readonly clock: Clock;
  readonly node: JobNode;
  readonly index: number;
  readonly keys: KeyIndex;
  readonly keyGroups: readonly [from: number, to: number];
  readonly operator: KeyedOperator;
  /** The chain behind an output of the operator; null when nobody consumes it. */
  chain(tag: string | null): OutputChain | null;
  readonly release: (batch: ExchangeBatch) => void;
}

export class KeyedSubtask {
  readonly merge: ChannelMerge;
  readonly counts = new Map<string, number>();
  private readonly wiring: SubtaskWiring;
  private readonly outputs: OutputBuffer[] = [];
  private readonly sides = new Map<string, OutputBuffer | null>();
  private readonly gathered = new ExchangeBatch(BATCH_ROWS);
  /** Rows taken since the epoch began, and whether anything was emitted: an epoch without either is idle. */
  rows = 0;

  constructor(wiring: SubtaskWiring) {
    this.wiring = wiring;
    this.merge = new ChannelMerge((batch, from, to, cap) => this.process(batch, from, to, cap), wiring.release);
  }

  get operator(): KeyedOperator {
    return this.wiring.operator;
  }
  get keyGroups(): readonly [number, number] {
    return this.wiring.keyGroups;
  }

  async open(): Promise<void> {
    const { node, keys, keyGroups } = this.wiring;
    const output = this.output(null) ?? new OutputBuffer(() => undefined);
    // In the graph's order and not when first used: a stage that reads several outputs orders equal rows by it (E7a).
    for (const { tag } of node.outputs) if (tag !== null) this.side(tag);
    await this.guardAsync('open', () =>
      this.operator.open({
        uid: node.uid,
        name: node.name,
        keys,
        keyGroups,
        output,
        side: (tag) => this.side(tag),
        after: (ms, run) => this.wiring.clock.after(ms, run),
        count: (name, n) => {
          this.counts.set(name, (this.counts.get(name) ?? 0) + n);
        },
      }),
    );
  }

  get emitted(): number {
    let sum = 0;
    for (const output of this.outputs) sum += output.emitted + output.n;
    return sum;
  }

  beginEpoch(clockMs: number): void {
    this.rows = 0;
    this.counts.clear();
    for (const output of this.outputs) output.emitted = 0;
    this.operator.beginEpoch(clockMs);
  }

  advanceProcessingTime(keyGroup: number, clockMs: number): void {
    this.guard('a processing-time timer', () => this.operator.advanceProcessingTime(keyGroup, clockMs));
  }

  absorb(batch: ExchangeBatch): void {
    this.guard('merging', () => this.operator.absorb!(batch));
  }

  advance(keyGroup: number, watermark: number): void {
    this.guard('a timer or window', () => this.operator.advance(keyGroup, watermark));
  }

  /** Its key groups, of [start, end). */
  groupsIn(start: number, end: number): readonly number[] {
    const from = Math.max(start, this.keyGroups[0]);
    return Array.from({ length: Math.max(0, Math.min(end, this.keyGroups[1]) - from) }, (_, i) => from + i);
  }

  /** Of key groups [start, end) its own. */
  advanceAll(start: number, end: number, watermark: number): void {
    for (const g of this.groupsIn(start, end)) this.advance(g, watermark);
  }

  /** Everything under way is finished. */
  async settle(): Promise<void> {
    const { operator } = this;
    if (operator.settle === undefined) return;
    try {
      await operator.settle();
    } catch (thrown) {
      throw isLocated(thrown) ? thrown : this.requestFailure(thrown);
    }
    this.flush();
  }

  flush(): void {
    for (const output of this.outputs) output.flush();
  }

  /** Of rows in their final order those of key groups [start, end); they are not to be met again. */
  processRun({ batch, from, to, cap }: MergedRun, start: number, end: number): void {
    const { keyIds } = batch;
    const { keyGroups } = this.wiring.keys;
    const isIn = (j: number): boolean =>
      keyIds[j]! >= 0 && keyGroups[keyIds[j]!]! >= start && keyGroups[keyIds[j]!]! < end;
    for (let j = from; j < to;) {
      let k = j;
      while (k < to && isIn(k)) k++;
      if (k > j) {
        this.process(batch, j, k, cap);
        // Ids are given to other keys when theirs leave memory.
        keyIds.fill(-1, j, k);
      }
      j = Math.max(k, j + 1);
    }
  }

  /** Rows in their final order that no merge is needed for, copied in small batches. */
  gather(from: ExchangeBatch, row: number, cap: number): void {
    const to = this.gathered;
    if (to.n > 0 && (to.input !== from.input || to.isBroadcast !== from.isBroadcast)) this.gatheredEnd(cap);
    to.input = from.input;
    to.isBroadcast = from.isBroadcast;
    const j = to.n++;
    const view = from.lazy ? from.source!.row! : null;
    if (view !== null) view.__i = from.index[row]!;
    to.values[j] = view === null ? from.values[row] : view.__copy();
    to.ts[j] = from.ts[row]!;
    to.wm[j] = from.wm[row]!;
    to.keyIds[j] = from.keyIds[row]!;
    if (to.n === BATCH_ROWS) this.gatheredEnd(cap);
  }

  gatheredEnd(cap: number): void {
    if (this.gathered.n > 0) this.process(this.gathered, 0, this.gathered.n, cap);
    this.gathered.n = 0;
  }

  snapshot(writer: StateWriter): void {
    this.guard('writing state', () => this.operator.snapshot(writer));
  }

  nextTimers(): KeyTimes {
    let eventTime = Infinity;
    let processingTime = Infinity;
    for (let g = this.keyGroups[0]; g < this.keyGroups[1]; g++) {
      eventTime = Math.min(eventTime, this.operator.nextEventTimer(g));
      processingTime = Math.min(processingTime, this.operator.nextProcessingTimer(g));
    }
    return { eventTime, processingTime };
  }

  private process(batch: ExchangeBatch, from: number, to: number, cap: number): void {
    this.rows += to - from;
    try {
      this.operator.process(batch, from, to, cap);
    } catch (thrown) {
      throw this.located(batch, thrown);
    }
  }

  private located(batch: ExchangeBatch, thrown: unknown): unknown {
    if (isLocated(thrown)) return thrown;
    const { job, node, keys } = this.wiring;
    const row = this.operator.failedRow;
    const { source } = batch;
    if (row < 0) return operatorFailure(job, node.name, 'in a timer or window', thrown);
    if (source === null) {
      const whose = batch.isBroadcast ? 'a broadcast' : `key ${String(keys.keys[batch.keyIds[row]!])},`;
      return operatorFailure(job, node.name, `${whose} row with timestamp ${batch.ts[row]}`, thrown);
    }
    const at = batch.index[row]!;
    const position = source.positionOf(at);
    // A wrong program: no record is to blame, and another attempt is no better.
    if (thrown instanceof ConfigError) {
      return new ConfigError(
        `job "${job}", operator "${node.name}", split ${batch.split}, position ${position}: ${thrown.message}\n  record: ${source.rawOf(at).slice(0, 500)}`,
        { job, operator: node.name, split: batch.split, position },
        thrown,
      );
    }
    return new RecordFailure(job, node.name, batch.split, position, thrown, source.rawOf(at));
  }

  private requestFailure(thrown: unknown): unknown {
    const { job, node } = this.wiring;
    if (!(thrown instanceof RequestFailure)) return operatorFailure(job, node.name, 'in a request', thrown);
    const { origin, record, cause } = thrown;
    if (origin === null) return operatorFailure(job, node.name, `in the request for ${record.slice(0, 500)}`, cause);
    return new RecordFailure(job, node.name, origin.split, origin.position, cause, record);
  }

  private guard(where: string, run: () => void): void {
    try {
      run();
    } catch (thrown) {
      throw isLocated(thrown) ? thrown : operatorFailure(this.wiring.job, this.wiring.node.name, `in ${where}`, thrown);
    }
  }

  close(): Promise<void> {
    return this.guardAsync('close', async () => await this.operator.close());
  }

  private async guardAsync(where: string, run: () => void | Promise<void>): Promise<void> {
    try {
      await run();
    } catch (thrown) {
      throw operatorFailure(this.wiring.job, this.wiring.node.name, `in ${where}`, thrown);
    }
  }

  private side(tag: string): OutputBuffer | null {
    let side = this.sides.get(tag);
    if (side === undefined) this.sides.set(tag, (side = this.output(tag)));
    return side;
  }

  private output(tag: string | null): OutputBuffer | null {
    const chain = this.wiring.chain(tag);
    if (chain === null) return null;
    const output = new OutputBuffer((buffer) => chain.run(buffer));
    this.outputs.push(output);
    return output;
  }
}

/** It was thrown behind this operator, while that passed rows on, and says where: no record of this operator is to blame. */
function isLocated(thrown: unknown): boolean {
  return thrown instanceof UserCodeError && thrown.at['operator'] !== undefined;
}
