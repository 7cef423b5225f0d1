/**
 * Publishes the slots of a `TwoPhaseCommitSink`, exactly once whatever dies when and whoever acts late. For one slot of one epoch:
 *
 *     look → claim attempt n → look → prepare → decide(committable) → look → commit → mark done → forget older epochs
 *
 * T1 Claimed before prepared. An attempt's id is taken by a create-if-absent, so nothing lies in the target under an id that the ledger
 *    does not have, and no id is prepared twice.
 * T2 One decision an attempt, create-if-absent: the committable, by whoever prepared it, or void, by whoever found the attempt without
 *    a decision. A crash before the decision leaves a void attempt, one after it a committable that the next publisher commits.
 * T3 Only what is decided is committed, and only what is void, or of an epoch that is past, is aborted. So an abort never races a commit.
 * T4 Attempt n + 1 is claimed after n is void, or after `commit` said that n can never become visible. So at most one attempt counts.
 * T5 A look comes after every claim before it is prepared, and after every decision before it is committed. A marker at or beyond (run,
 *    epoch) ends it: whoever woke up so late that its records were forgotten (T6), and so could claim or decide again, sees one.
 * T6 An epoch's records go only when two later markers are there: a list that is not taken at one instant shows one of them.
 * T7 A stamp is a marker: an older run that publishes is fenced, and what it left open is aborted.
 */
import { FencedError, InvariantError, messageOf, MillraceError, RetryableError } from '../../model/errors.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import type { Publication, SinkContext, SinkPublisher } from '../../ports/sink.ts';
import type { CommittableCodec } from './committable-codec.ts';
import { readStagedRecords } from './staged-records.ts';
import {
  comparePlaces,
  contextOf,
  transactionOf,
  type Place,
  type SinkRecord,
  type SinkTransaction,
} from './transaction.ts';
import { TransactionLedger, type PlaceRecords } from './transaction-ledger.ts';

/** The part of a `TwoPhaseCommitSink` that publishing needs. */
export interface TwoPhaseTarget<T, C> {
  readonly transactionTimeoutMs: number;
  prepare(transaction: SinkTransaction, records: readonly SinkRecord<T>[]): Promise<C>;
  commit(committable: C, transaction: SinkTransaction): Promise<'committed' | 'already' | 'never'>;
  abort(transaction: SinkTransaction): Promise<void>;
  close?(): Promise<void>;
}

/** Looks in one publication; more is a target or a rival that undoes everything. */
const MAX_LOOKS = 12;

export class TwoPhasePublisher<T, C> implements SinkPublisher {
  private readonly target: TwoPhaseTarget<T, C>;
  private readonly codec: CommittableCodec<C>;
  private readonly ctx: SinkContext;
  private readonly blobs: BlobStore;
  /** Ids that this publisher has aborted, of places that are still in the ledger. */
  private readonly aborted = new Set<string>();

  constructor(target: TwoPhaseTarget<T, C>, codec: CommittableCodec<C>, ctx: SinkContext, blobs: BlobStore) {
    this.target = target;
    this.codec = codec;
    this.ctx = ctx;
    this.blobs = blobs;
  }

  async publish(publication: Publication): Promise<'published' | 'already'> {
    const slot = new Slot(this.ctx, this.ledgerOf(publication.slot), publication.slot);
    const { run, epoch } = publication;
    const place = { run, epoch };
    /** The attempt that this call prepared. */
    let own = 0;
    for (let look = 0; look < MAX_LOOKS; look++) {
      const places = await slot.ledger.places();
      const settled = this.settled(slot, places, place);
      if (settled !== null) {
        // T5: woken up too late. If it was this very attempt that somebody committed, the abort changes nothing.
        if (own > 0) await this.abort(slot, place, own);
        if (settled instanceof FencedError) throw settled;
        await this.tidy(slot, places);
        return 'already';
      }
      const known = places.find((p) => comparePlaces(p, place) === 0);
      const attempts = known?.attempts ?? 0;
      if (attempts > 0) {
        const state = await this.resolve(slot, place, attempts, known!.decided.has(attempts));
        if (state === 'look') continue;
        if (state === 'done') {
          await slot.ledger.mark(place, 'done');
          await this.tidy(slot, withDone(places, place));
          return 'published';
        }
      }
      if (await this.prepare(slot, place, attempts + 1, publication)) own = attempts + 1;
    }
    throw new RetryableError(
      `${slot.where(place)}: after ${MAX_LOOKS} looks nothing could be committed: either another publisher takes every attempt away, or commit() keeps answering "never" for what was just prepared. It is tried again.`,
      { ...place, slot: publication.slot },
    );
  }

  async stamp(run: string, epoch: number, slotNumber: number): Promise<void> {
    const slot = new Slot(this.ctx, this.ledgerOf(slotNumber), slotNumber);
    const before = await slot.ledger.places();
    const newest = before.findLast(isMarked);
    if (newest !== undefined && newest.run > run) throw slot.fenced(newest, run);
    if (!before.some((p) => p.run === run && isMarked(p))) await slot.ledger.mark({ run, epoch }, 'stamp');
    await this.tidy(slot, await slot.ledger.places());
  }

  async close(): Promise<void> {
    await this.target.close?.();
  }

  private ledgerOf(slot: number): TransactionLedger {
    return new TransactionLedger(this.blobs, this.ctx.job, this.ctx.sink, slot);
  }

  /** T5, T7: does a marker say that this publication is in the target, or that its run has been replaced? Null: neither. */
  private settled(slot: Slot, places: readonly PlaceRecords[], place: Place): 'there' | FencedError | null {
    const marked = places.filter(isMarked);
    const newest = marked.at(-1);
    if (newest !== undefined && newest.run > place.run) return slot.fenced(newest, place.run);
    if (newest === undefined || newest.run < place.run)
      throw new InvariantError(
        `${slot.where(place)}: the records of this sink's transactions are gone, but run ${place.run} stamped them before its first epoch: whether the epoch is in the target cannot be told, and publishing it might double it. Look there whether its rows are visible, add what is missing by hand, and start the job in a new state folder at the positions that \`millrace state\` shows.`,
        { ...place, slot: slot.number },
      );
    return newest.epoch >= place.epoch ? 'there' : null;
  }

  /** What becomes of the last attempt. `over`: it is void, or lost in the target, and the next one may be claimed (T4). */
  private async resolve(
    slot: Slot,
    place: Place,
    attempt: number,
    isDecided: boolean,
  ): Promise<'done' | 'over' | 'look'> {
    const { ledger } = slot;
    const decision = isDecided
      ? await ledger.decision(place, attempt)
      : await ledger.decide(place, attempt, { kind: 'void' });
    if (decision?.kind === 'void') {
      await this.abort(slot, place, attempt);
      return 'over';
    }
    // T5: what was decided since the last look is committed after the next.
    if (decision === null || !isDecided) return 'look';
    const committable = this.codec.decode(decision);
    const transaction = slot.transaction(place, attempt);
    const outcome = await slot.call('commit', place, () => this.target.commit(committable, transaction));
    if (outcome === 'committed' || outcome === 'already') return 'done';
    if (outcome === 'never') return 'over';
    throw new InvariantError(
      `${slot.where(place)}: commit answered ${JSON.stringify(outcome)} instead of "committed", "already" or "never".`,
    );
  }

  /** False: somebody else has the attempt, or it ended before it was prepared. */
  private async prepare(slot: Slot, place: Place, attempt: number, { chunks }: Publication): Promise<boolean> {
    const { ledger } = slot;
    if (!(await ledger.claim(place, attempt, this.ctx.clock.nowMs()))) return false;
    const places = await ledger.places();
    const known = places.find((p) => comparePlaces(p, place) === 0);
    if (known?.attempts !== attempt || known.decided.has(attempt)) return false;
    if (this.settled(slot, places, place) !== null) {
      await ledger.forgetClaim(place, attempt);
      return false;
    }
    const transaction = slot.transaction(place, attempt);
    const records = readStagedRecords<T>(chunks);
    const committable = await slot.call('prepare', place, () => this.target.prepare(transaction, records));
    const decision = await ledger.decide(place, attempt, this.codec.encode(committable));
    if (decision?.kind !== 'void') return true;
    await this.abort(slot, place, attempt);
    throw new RetryableError(
      `${slot.where(place)}: another publisher took this one for dead and publishes the epoch itself. It is looked at again.`,
      { ...place, slot: slot.number },
    );
  }

  /** Aborts what can never be committed, and forgets what nobody can ask for any more (T6). */
  private async tidy(slot: Slot, places: readonly PlaceRecords[]): Promise<void> {
    const marked = places.filter(isMarked);
    const last = marked.at(-1);
    const keptFrom = marked.at(-2);
    if (last === undefined) return;
    for (const place of places) {
      if (comparePlaces(place, last) > 0) continue;
      const losers = losersOf(place);
      for (const attempt of losers) await this.abort(slot, place, attempt);
      if (keptFrom === undefined || comparePlaces(place, keptFrom) >= 0) continue;
      if (losers.length > 0 && (await this.mayStillAct(slot, place))) continue;
      for (const attempt of losers) {
        this.aborted.delete(slot.transaction(place, attempt).id);
        await this.abort(slot, place, attempt);
        this.aborted.delete(slot.transaction(place, attempt).id);
      }
      await slot.ledger.forget(place);
    }
  }

  /** A void attempt's publisher may have sent its `prepare` and died: until that must have happened, aborts are repeated. */
  private async mayStillAct(slot: Slot, place: PlaceRecords): Promise<boolean> {
    const claimedMs = await slot.ledger.claimedAtMs(place, place.attempts);
    return claimedMs !== null && this.ctx.clock.nowMs() - claimedMs < this.target.transactionTimeoutMs;
  }

  private async abort(slot: Slot, place: Place, attempt: number): Promise<void> {
    const transaction = slot.transaction(place, attempt);
    if (this.aborted.has(transaction.id)) return;
    await slot.call('abort', place, () => this.target.abort(transaction));
    this.aborted.add(transaction.id);
  }
}

const isMarked = (place: PlaceRecords): boolean => place.stamped || place.done;

/** Attempts of a past epoch that were not committed. */
function losersOf({ attempts, done }: PlaceRecords): number[] {
  return Array.from({ length: done ? attempts - 1 : attempts }, (_, i) => i + 1);
}

function withDone(places: readonly PlaceRecords[], place: Place): readonly PlaceRecords[] {
  return places.map((p) => (comparePlaces(p, place) === 0 ? { ...p, done: true } : p));
}

/** One slot, and how it is called. */
class Slot {
  readonly ledger: TransactionLedger;
  readonly number: number;
  private readonly ctx: SinkContext;

  constructor(ctx: SinkContext, ledger: TransactionLedger, number: number) {
    this.ctx = ctx;
    this.ledger = ledger;
    this.number = number;
  }

  transaction(place: Place, attempt: number): SinkTransaction {
    return transactionOf(contextOf(this.ctx.job, this.ctx.sink, this.number, place), attempt);
  }

  where({ run, epoch }: Place): string {
    return `job "${this.ctx.job}", sink "${this.ctx.sink}", slot ${this.number}, run ${run}, epoch ${epoch}`;
  }

  fenced(newer: Place, run: string): FencedError {
    return new FencedError(
      `job "${this.ctx.job}", sink "${this.ctx.sink}": slot ${this.number} belongs to the newer run ${newer.run}; run ${run} has been replaced and stops.`,
      { run, newer: newer.run },
    );
  }

  async call<R>(step: string, place: Place, run: () => Promise<R>): Promise<R> {
    try {
      return await run();
    } catch (thrown) {
      if (thrown instanceof MillraceError) throw thrown;
      throw new RetryableError(
        `${this.where(place)}: ${step} failed: ${messageOf(thrown)}. Publishing is repeated; what was prepared is committed or aborted then.`,
        { ...place, slot: this.number },
        thrown,
      );
    }
  }
}
