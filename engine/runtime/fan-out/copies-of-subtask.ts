/**
 * One subtask of a fanned-out epoch and the workers that run it: one, until it is slow or dies; then another one as well.
 *
 * A worker's memory holds what the earlier phases of the epoch left there, so a copy begins at `begin` and runs all phases again up to the
 * one in work. The first answer to a phase wins (E2) and is the only one anybody sees; its worker goes on alone, and the others
 * are released. Objects have the copy's own attempt in their names, so two copies never write the same one.
 *
 * What others have built on must be the same the second time. In the phase `read` of an open epoch nobody has seen anything yet: each copy
 * reads as far as it gets, and the winner's ranges count. After it the winner's ranges are fixed, and a copy's rows must be those
 * that were sent, channel by channel; otherwise (user code that answers differently each time, input that is gone) the copy is
 * given up. Then the subtask is waited for, and if it does not come the attempt fails and is planned again.
 */
import type { Plan, ReadRange } from '../../checkpoint/records.ts';
import { InvariantError, messageOf } from '../../model/errors.ts';
import { attemptId, type AttemptId } from '../../model/ids.ts';
import { sameRows } from '../shuffle/same-rows.ts';
import { MAX_REISSUES } from './straggler-policy.ts';
import type { Block, PeerPool, ReadBudget, SubtaskPeer } from './subtask-peer.ts';

/** The blocks are what the others build on. */
interface Answer {
  readonly blocks?: readonly Block[];
  readonly ranges?: readonly ReadRange[];
}

export interface Copy {
  readonly peer: SubtaskPeer;
  readonly attempt: AttemptId;
}

type Work<R> = (copy: Copy) => Promise<R>;

interface Decided {
  readonly work: Work<unknown>;
  readonly answer: Answer | undefined;
}

interface Open {
  readonly work: Work<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (thrown: unknown) => void;
}

export interface SubtaskOf {
  readonly index: number;
  readonly peer: SubtaskPeer;
  readonly pool: PeerPool;
  readonly plan: Plan;
  readonly splits: readonly string[];
  readonly attempt: AttemptId;
  readonly signal: AbortSignal;
  /** What people should know. */
  notice(text: string, data: Readonly<Record<string, unknown>>): void;
}

export class CopiesOfSubtask {
  readonly index: number;
  reissues = 0;
  private readonly of: SubtaskOf;
  private plan: Plan;
  /** At work, or ready for the next phase. */
  private copies: Copy[];
  /** Workers on their way. */
  private starting = 0;
  private readonly decided: Decided[] = [];
  private open: Open | null = null;

  constructor(of: SubtaskOf) {
    this.of = of;
    this.index = of.index;
    this.plan = of.plan;
    this.copies = [{ peer: of.peer, attempt: of.attempt }];
  }

  /** Workers at it, or about to be. */
  get width(): number {
    return this.copies.length + this.starting;
  }

  begin(): Promise<void> {
    return this.ask(({ peer }) => peer.begin(this.plan, this.of.splits));
  }

  async read(budget: ReadBudget): ReturnType<SubtaskPeer['read']> {
    const report = await this.ask(({ peer }) => {
      if (this.of.signal.aborted) peer.stopReading();
      return peer.read(budget);
    });
    this.plan = withRanges(this.plan, report.ranges);
    return report;
  }

  stage(...args: Parameters<SubtaskPeer['stage']>): ReturnType<SubtaskPeer['stage']> {
    return this.ask(({ peer }) => peer.stage(...args));
  }

  finish(): ReturnType<SubtaskPeer['finish']> {
    return this.ask(({ peer, attempt }) => peer.finish(attempt));
  }

  stopReading(): void {
    for (const { peer } of this.copies) peer.stopReading();
  }

  /** The subtask to one more worker. */
  reissue(why: string): void {
    const { pool, index, attempt, plan } = this.of;
    const { open } = this;
    if (pool.spare === undefined || open === null) return;
    this.of.notice('gave a subtask to one more worker', { epoch: plan.epoch, subtask: index, why });
    const name = attemptId(`${attempt}-c${++this.reissues}`);
    this.starting++;
    void pool.spare(index).then(
      (peer) => {
        this.starting--;
        if (this.open !== open) {
          pool.release?.(index, peer);
          return;
        }
        const copy: Copy = { peer, attempt: name };
        this.copies.push(copy);
        void this.run(copy, true);
      },
      (thrown: unknown) => {
        this.starting--;
        if (this.open === open && this.width === 0) this.fail(thrown);
      },
    );
  }

  /** The attempt has failed: whoever is still at work is released, the others forget it. */
  async abandon(): Promise<void> {
    const busy = this.open !== null;
    this.open = null;
    const { pool, index } = this.of;
    const { copies } = this;
    this.copies = [];
    if (busy) for (const { peer } of copies) pool.release?.(index, peer);
    else for (const { peer } of copies) await peer.discard().catch(() => pool.release?.(index, peer));
  }

  private ask<R>(work: Work<R>): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.open = { work, resolve: (answer) => resolve(answer as R), reject };
      for (const copy of this.copies) void this.run(copy, false);
    });
  }

  private async run(copy: Copy, fromBegin: boolean): Promise<void> {
    const { open } = this;
    if (open === null) return;
    try {
      if (fromBegin) for (const phase of this.decided) checkSame(this.index, phase, await phase.work(copy));
      const answer = await open.work(copy);
      if (this.open === open && this.copies.includes(copy)) this.win(copy, open, answer);
    } catch (thrown) {
      if (this.open === open && this.copies.includes(copy)) this.lose(copy, thrown);
    }
  }

  private win(copy: Copy, open: Open, answer: unknown): void {
    const { pool, index } = this.of;
    const losers = this.copies.filter((other) => other !== copy);
    this.copies = [copy];
    this.open = null;
    this.decided.push({ work: open.work, answer: answer as Answer | undefined });
    for (const { peer } of losers) pool.release?.(index, peer);
    if (copy.attempt !== this.of.attempt) pool.keep?.(index, copy.peer);
    open.resolve(answer);
  }

  private lose(copy: Copy, thrown: unknown): void {
    const { pool, index } = this.of;
    const replaced = copy.peer.dead && pool.spare !== undefined && this.reissues < MAX_REISSUES;
    if (this.width === 1 && !replaced) {
      this.fail(thrown);
      return;
    }
    this.copies = this.copies.filter((other) => other !== copy);
    pool.release?.(index, copy.peer);
    if (this.width === 0) this.reissue(messageOf(thrown));
    else this.of.notice('one of two workers at a subtask failed', { subtask: index, why: messageOf(thrown) });
  }

  private fail(thrown: unknown): void {
    const { open } = this;
    this.open = null;
    open?.reject(thrown);
  }
}

/** The plan as it was read: in an epoch that was cut by time, too. */
function withRanges(plan: Plan, ranges: readonly ReadRange[]): Plan {
  const read = new Map(ranges.map((range) => [range.id, range]));
  const splits = plan.splits.map((split) => {
    const range = read.get(split.id);
    if (range === undefined) return split;
    const { ended, paused } = range.state;
    return { ...split, to: range.to, ...(ended ? { ends: true } : {}), ...(paused === true ? { paused } : {}) };
  });
  return { ...plan, splits };
}

function checkSame(index: number, phase: Decided, again: unknown): void {
  const first = phase.answer;
  const second = again as Answer | undefined;
  const same =
    JSON.stringify(first?.ranges) === JSON.stringify(second?.ranges) &&
    sameBlocks(first?.blocks ?? [], second?.blocks ?? []);
  if (!same)
    throw new InvariantError(
      `subtask ${index}, run again by another worker, answered differently; that worker's answers are not used.`,
      { subtask: index },
    );
}

function sameBlocks(first: readonly Block[], second: readonly Block[]): boolean {
  const known = byReceiver(first);
  return [...byReceiver(second)].every(([receiver, bytes]) => {
    const other = known.get(receiver);
    if (other === undefined) return false;
    const equal = other.length === bytes.length && other.every((block, i) => Buffer.compare(block, bytes[i]!) === 0);
    return equal || sameRows(other, bytes);
  });
}

function byReceiver(blocks: readonly Block[]): Map<string, Uint8Array[]> {
  const found = new Map<string, Uint8Array[]>();
  for (const { stage, receiver, bytes } of blocks) {
    const own = found.get(`${stage} ${receiver}`);
    if (own === undefined) found.set(`${stage} ${receiver}`, [bytes]);
    else own.push(bytes);
  }
  return found;
}
