/** Committables in the ledger: plain data with the version of their form; older ones are migrated, or refused by name. */
import { ConfigError, messageOf } from '../../model/errors.ts';
import { checkStorable } from '../../state/storable.ts';
import type { Decision } from './transaction-ledger.ts';

type Recorded = Extract<Decision, { kind: 'commit' }>;

export interface CommittableForm<C> {
  readonly committableVersion: number;
  migrateCommittable?(committable: unknown, version: number): C;
}

export class CommittableCodec<C> {
  private readonly form: CommittableForm<C>;
  private readonly where: string;

  /** `where`: job and sink, for messages. */
  constructor(form: CommittableForm<C>, where: string) {
    this.form = form;
    this.where = where;
    const { committableVersion: version } = form;
    if (!Number.isInteger(version) || version < 1)
      throw new ConfigError(`${where}: committableVersion is a whole number from 1; got ${String(version)}.`);
  }

  encode(committable: C): Recorded {
    checkStorable(committable, `${this.where}: the committable that prepare answered`);
    return { kind: 'commit', version: this.form.committableVersion, committable };
  }

  decode({ version, committable }: Recorded): C {
    this.check(version);
    if (version === this.form.committableVersion) return committable as C;
    try {
      return this.form.migrateCommittable!(committable, version);
    } catch (thrown) {
      throw new ConfigError(`${this.versions(version)}. migrateCommittable threw: ${messageOf(thrown)}`, {}, thrown);
    }
  }

  /** Throws ConfigError where a committable of that version cannot be read. */
  check(version: number): void {
    const own = this.form.committableVersion;
    if (version > own)
      throw new ConfigError(
        `${this.versions(version)}, which is older. Nothing was changed: run the job that prepared it, or a newer one.`,
      );
    if (version < own && this.form.migrateCommittable === undefined)
      throw new ConfigError(
        `${this.versions(version)} and no migrateCommittable(committable, version). Nothing was changed: add it, or let the job that prepared it publish its last epoch first.`,
      );
  }

  private versions(version: number): string {
    return `${this.where}: a transaction that was prepared and has to be committed has a committable of version ${version}, and the sink's committableVersion is ${this.form.committableVersion}`;
  }
}
