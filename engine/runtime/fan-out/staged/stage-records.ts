/**
 * What the parts of a staged epoch tell each other, and where it stands in the StateStore. A subtask is given the key of a plan item and its
 * place; everything else it reads. Its answer is its ack, create-if-absent: the first wins (E2). A keyed stage's input is written by the
 * coordinator, from the winners' acks alone, before the stage is handed out: whoever writes it writes the same.
 */
import { stageAckKey, stageInputKey } from '../../../checkpoint/item-keys.ts';
import type { Ack, ObjectRef, Plan, ReadRange } from '../../../checkpoint/records.ts';
import type { ErrorCode } from '../../../model/errors.ts';
import type { AttemptId } from '../../../model/ids.ts';
import type { StateStore } from '../../../ports/state-store.ts';
import type { AttemptFailure } from '../../epoch-runner.ts';
import { packRecord, unpackRecord } from '../../packed-record.ts';
import type { ReadReport } from '../subtask-peer.ts';
import type { BlocksOfReceiver, SentBlocks } from './block-objects.ts';

/** The stage in which the sources are read. No keyed operator may have it for its uid (check-stages.ts). */
export const SOURCES = 'sources';

/** One invocation's work. JSON; also a Map item of a state machine. */
export interface StageTask {
  /** Key of the plan item. */
  readonly plan: string;
  /** `SOURCES`, or the uid of a keyed operator. */
  readonly stage: string;
  readonly subtask: number;
}

export interface StageDone {
  readonly format: 1;
  readonly kind: 'done';
  /** The subtask's part of the epoch's ack. */
  readonly ack: Ack;
  readonly sent: readonly SentBlocks[];
  /** Milliseconds of its work, without those in which it got its state. */
  readonly tookMs?: number;
  /** Of a subtask of the sources; null: of a keyed stage. */
  readonly read: Pick<ReadReport, 'channels' | 'backlog' | 'ended'> | null;
}

export interface StageFailed {
  readonly format: 1;
  readonly kind: 'failed';
  readonly attempt: AttemptId;
  readonly reason: string;
  readonly code: ErrorCode | 'unexpected';
  readonly poison: AttemptFailure['poison'];
  readonly retryable: boolean;
  /** It did not come to an end within its time: the next plan has to give it less. */
  readonly outOfTime: boolean;
  /** What a subtask of the sources had read of its splits; null: nobody knows, or it reads none. */
  readonly ranges: readonly ReadRange[] | null;
}

export type StageAnswer = StageDone | StageFailed;

export interface StageInput {
  readonly format: 1;
  /** At the end of the epoch. */
  readonly watermark: number;
  /** Of all senders, each once. */
  readonly objects: readonly ObjectRef[];
  /** By receiver. */
  readonly receivers: readonly BlocksOfReceiver[];
}

const keyedUid = (stage: string): string | null => (stage === SOURCES ? null : stage);

export class StageRecords {
  private readonly store: StateStore;
  private readonly job: string;

  constructor(store: StateStore, job: string) {
    this.store = store;
    this.job = job;
  }

  plan(key: string): Promise<Plan | null> {
    return this.read<Plan>(key);
  }

  answer({ plan, stage, subtask }: StageTask): Promise<StageAnswer | null> {
    return this.read<StageAnswer>(stageAckKey(plan, keyedUid(stage), subtask));
  }

  writeAnswer({ plan, stage, subtask }: StageTask, answer: StageAnswer): Promise<'created' | 'exists'> {
    return this.write(stageAckKey(plan, keyedUid(stage), subtask), answer);
  }

  input(plan: string, uid: string): Promise<StageInput | null> {
    return this.read<StageInput>(stageInputKey(plan, uid));
  }

  async writeInput(plan: string, uid: string, input: StageInput): Promise<void> {
    await this.write(stageInputKey(plan, uid), input);
  }

  private async read<R extends Plan | StageAnswer | StageInput>(key: string): Promise<R | null> {
    const bytes = await this.store.readItem(this.job, key);
    return bytes === null ? null : unpackRecord<R>(bytes, `${key} of job "${this.job}"`);
  }

  private write(key: string, record: StageAnswer | StageInput): Promise<'created' | 'exists'> {
    return this.store.createItem(this.job, key, packRecord(record));
  }
}
