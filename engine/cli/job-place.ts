/** Where a job is: in a state folder of this machine, or in a stack of an AWS account. Commands that look at jobs see no more of either. */
import type { OwnerState } from '../embedded/lease-owner.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { StateStore } from '../ports/state-store.ts';

/** Options of every command that is about a job where it is. */
export interface PlaceOptions {
  readonly state?: string;
  readonly aws?: string;
}

/** As people give commands. */
export type GivenCommand = 'pause' | 'resume' | 'cancel';

export interface JobPlace {
  readonly kind: 'embedded' | 'deployed';
  /** For messages, behind "in": a folder, or `stack "name"`. */
  readonly where: string;
  /** Of the command line, for hints: what finds this place again. */
  readonly flag: string;
  readonly store: StateStore;
  readonly blobs: BlobStore;
  ownerState(owner: string): OwnerState;
  describeOwner(owner: string): string;
  /** Says how the job is meant to be. A deployed one is started, where it takes that to obey. */
  command(job: string, command: GivenCommand): Promise<void>;
  close(): void;
}
