/** A record that could not be decoded, at its place in its split. */
export interface BadRecord {
  /** Position of the record in its split (byte offset of the line, or log offset). */
  readonly position: number;
  /** The record as text, cut at 8 KB. */
  readonly raw: string;
  readonly error: string;
}

/** What the dead-letter output receives: a record that did not parse or made user code throw, with where and why. */
export interface DeadLetter {
  readonly job: string;
  /** Name of the operator that failed; the source's name for a record that did not parse. */
  readonly operator: string;
  readonly split: string;
  readonly position: number;
  readonly error: string;
  /** The record as text: the raw line where there is one, else its JSON. */
  readonly record: string;
}
