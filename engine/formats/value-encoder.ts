/**
 * How records become a log's values. An `Encoder` (`jsonEncoder()`) is one as it is; text is written as UTF-8.
 *
 * A sink awaits `open` in `validate`, so that what a registry refuses is known before the first plan, and in `Sink.open`, before the first
 * writer of each process; repeated, it does nothing. It throws ConfigError (a schema that is incompatible with the subject's) or RetryableError.
 */
export interface ValueEncoder<T> {
  /** For messages. */
  readonly name: string;
  open?(): Promise<void>;
  /** Fresh bytes, or text. Throws an Error that says what cannot be written: the row's fault. */
  encode(value: T): string | Uint8Array;
}
