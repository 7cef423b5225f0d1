/**
 * What is known of a slot's transactions, as immutable objects in the job's blob store, create-if-absent:
 *
 *     two-phase.<job>/<sink>/<slot>/<run>/<epoch>/stamp          a run begins after this epoch
 *                                                /<n>-claim      attempt n may prepare; its id is taken
 *                                                /<n>-decision   what becomes of attempt n: its committable, or void
 *                                                /done           committed: a marker, like a stamp
 *
 * They lie outside of the job's own objects, so a sweep leaves them alone; the publisher forgets them itself.
 */
import { CorruptionError } from '../../model/errors.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import { clone, unclone } from '../../state/serializer.ts';
import { comparePlaces, type Place } from './transaction.ts';

export type Decision =
  { readonly kind: 'void' } | { readonly kind: 'commit'; readonly version: number; readonly committable: unknown };

/** What the ledger holds of one epoch. */
export interface PlaceRecords extends Place {
  readonly stamped: boolean;
  readonly done: boolean;
  /** The last attempt that was claimed; 0: none. */
  readonly attempts: number;
  /** Attempts with a decision. */
  readonly decided: ReadonlySet<number>;
}

const EPOCH_DIGITS = 12;
const ATTEMPT_DIGITS = 6;
const FORMAT = 1;
const NAME = /^([^/]+)\/(\d{12})\/(?:(stamp|done)|(\d{6})-(claim|decision))$/;

export class TransactionLedger {
  private readonly blobs: BlobStore;
  private readonly prefix: string;

  constructor(blobs: BlobStore, job: string, sink: string, slot: number) {
    this.blobs = blobs;
    this.prefix = `two-phase.${job}/${sink}/${slot}/`;
  }

  /** Every epoch that is known, in order. */
  async places(): Promise<readonly PlaceRecords[]> {
    const places = new Map<
      string,
      { -readonly [K in keyof PlaceRecords]: PlaceRecords[K] } & { decided: Set<number> }
    >();
    for (const { name } of await this.blobs.list(this.prefix)) {
      const match = NAME.exec(name.slice(this.prefix.length));
      if (match === null) continue;
      const [, run, epoch, marker, attempt, what] = match;
      const key = `${run!}/${epoch!}`;
      let place = places.get(key);
      if (place === undefined) {
        place = { run: run!, epoch: Number(epoch), stamped: false, done: false, attempts: 0, decided: new Set() };
        places.set(key, place);
      }
      if (marker === 'stamp') place.stamped = true;
      else if (marker === 'done') place.done = true;
      else {
        place.attempts = Math.max(place.attempts, Number(attempt));
        if (what === 'decision') place.decided.add(Number(attempt));
      }
    }
    return [...places.values()].sort(comparePlaces);
  }

  /** False: somebody has taken it. */
  async claim(place: Place, attempt: number, nowMs: number): Promise<boolean> {
    return (await this.create(this.claimOf(place, attempt), { nowMs })) === 'created';
  }

  /** When an attempt was claimed, by the clock of whoever claimed it; null: no such claim. */
  async claimedAtMs(place: Place, attempt: number): Promise<number | null> {
    const record = await this.read<{ nowMs: number }>(this.claimOf(place, attempt));
    return record?.nowMs ?? null;
  }

  /** Decides, unless it is decided. Answers what stands; null: the records have been forgotten since. */
  async decide(place: Place, attempt: number, decision: Decision): Promise<Decision | null> {
    const outcome = await this.create(this.decisionOf(place, attempt), { decision });
    return outcome === 'created' ? decision : await this.decision(place, attempt);
  }

  async decision(place: Place, attempt: number): Promise<Decision | null> {
    const record = await this.read<{ decision: Decision }>(this.decisionOf(place, attempt));
    return record?.decision ?? null;
  }

  async mark(place: Place, marker: 'stamp' | 'done'): Promise<void> {
    await this.create(`${this.nameOf(place)}/${marker}`, {});
  }

  async forgetClaim(place: Place, attempt: number): Promise<void> {
    await this.blobs.delete(this.claimOf(place, attempt));
  }

  /** The marker last: whoever sees a part of it does not take the epoch for one that is open. */
  async forget(place: PlaceRecords): Promise<void> {
    for (let attempt = 1; attempt <= place.attempts; attempt++) {
      if (place.decided.has(attempt)) await this.blobs.delete(this.decisionOf(place, attempt));
      await this.forgetClaim(place, attempt);
    }
    if (place.stamped) await this.blobs.delete(`${this.nameOf(place)}/stamp`);
    if (place.done) await this.blobs.delete(`${this.nameOf(place)}/done`);
  }

  private create(name: string, record: object): Promise<'created' | 'exists'> {
    return this.blobs.create(name, [clone({ format: FORMAT, ...record })]);
  }

  private async read<R>(name: string): Promise<R | null> {
    const bytes = await this.blobs.read(name);
    if (bytes === null) return null;
    const record = unclone(bytes) as R & { format: unknown };
    if (record.format !== FORMAT)
      throw new CorruptionError(
        `${name} has format ${String(record.format)}, and this version of Millrace reads ${FORMAT}. It was not used: run the version that wrote it.`,
        { name },
      );
    return record;
  }

  private nameOf({ run, epoch }: Place): string {
    return `${this.prefix}${run}/${String(epoch).padStart(EPOCH_DIGITS, '0')}`;
  }
  private claimOf(place: Place, attempt: number): string {
    return `${this.nameOf(place)}/${String(attempt).padStart(ATTEMPT_DIGITS, '0')}-claim`;
  }
  private decisionOf(place: Place, attempt: number): string {
    return `${this.nameOf(place)}/${String(attempt).padStart(ATTEMPT_DIGITS, '0')}-decision`;
  }
}
