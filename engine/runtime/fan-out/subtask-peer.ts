/**
 * One worker of a fanned-out epoch, as the coordinator's side sees it: in this thread, in another, or (later) a Lambda invocation.
 *
 * Worker i of n holds subtask i of every stage that has so many: of a source its share of the splits, of a keyed stage its range of key
 * groups. Between two stages rows travel as shuffle blocks, one per sender and receiver. Whoever answers first for a subtask wins
 * (E2): a worker that is slow or dies is replaced (copies-of-subtask.ts); one that fails takes the attempt with it, and the next
 * attempt is another generation.
 */
import type { Ack, BaseRef, Plan, ReadRange } from '../../checkpoint/records.ts';
import type { AttemptId } from '../../model/ids.ts';
import type { SourceBacklog } from '../backlog.ts';
import type { ChannelEnd } from '../stage-watermark.ts';

/** Rows for one subtask of a keyed stage. */
export interface Block {
  readonly stage: string;
  readonly receiver: number;
  readonly bytes: Uint8Array;
}

export interface ReadBudget {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly maxRows: number;
}

export interface ReadReport {
  readonly blocks: readonly Block[];
  /** The worker's splits as channels of each stage that they feed. */
  readonly channels: readonly { readonly stage: string; readonly end: ChannelEnd }[];
  /** What it read: whoever takes the subtask over reads the same. */
  readonly ranges: readonly ReadRange[];
  readonly backlog: readonly SourceBacklog[];
  /** Every split of the worker has ended; true as well for a worker without any. */
  readonly ended: boolean;
}

export interface StageReport {
  readonly blocks: readonly Block[];
}

export interface SubtaskPeer {
  /** It has died: it answers nothing any more. */
  readonly dead: boolean;
  /** Brings memory to the plan's state and opens the worker's splits. */
  begin(plan: Plan, splits: readonly string[]): Promise<void>;
  read(budget: ReadBudget): Promise<ReadReport>;
  /** Runs the worker's subtask of a keyed stage over all blocks for it, and brings it to `watermark`. Leaves the blocks' bytes as they are. */
  stage(uid: string, watermark: number, blocks: readonly Uint8Array[]): Promise<StageReport>;
  /** Stages everything (E2): the worker's part of the ack. */
  finish(attempt: AttemptId): Promise<Ack>;
  /** Writes down the worker's part of the committed state, as part of a new base; null if its memory does not stand there. */
  dump(state: Plan['state'], run: string, tag: string): Promise<BaseRef | null>;
  /** The epoch's segments won: memory stands at `state`. */
  committed(state: Plan['state'], watermarks: Plan['watermarks']): void;
  /** Stop reading; finish with what was read. */
  stopReading(): void;
  /** The attempt is over: forget it. */
  discard(): Promise<void>;
  close(): Promise<void>;
}

/** Where workers come from. */
export interface PeerPool {
  /** Worker i, started anew if it has died or was released. */
  peer(index: number): Promise<SubtaskPeer>;
  /** Worker i will be asked for soon: what takes time may begin. */
  prepare?(index: number): void;
  /** One more worker for subtask i, beside worker i. Absent: nobody is replaced within an attempt. */
  spare?(index: number): Promise<SubtaskPeer>;
  /** The spare is worker i from now on. */
  keep?(index: number, spare: SubtaskPeer): void;
  /** Stopped, whatever it is doing: worker i or a spare of it. */
  release?(index: number, peer: SubtaskPeer): void;
  close(): Promise<void>;
}
