/**
 * How a log's values become records. A LineFormat (`jsonLines(…)`) is one as it is; formats that depend on something outside the bytes, a
 * schema registry for example, have `open` and `prepare` as well.
 *
 * A source does, for every value, in this order:
 *
 *     await format.open?.()                            once in each process before the first value; repeated, it does nothing
 *     const ready = format.prepare?.(bytes) ?? null    null for nearly every record
 *     if (ready !== null) await ready                  hand out what was decoded so far, wait, and begin again with this record
 *     format.decodeRecord(bytes)
 *
 * so that decoding itself stays synchronous. What `open`, `prepare` and its promise throw is no fault of a record: RetryableError (a registry
 * that cannot be reached) and ConfigError (refused credentials) go up. What `decodeRecord` throws makes the value a bad record, except a
 * ConfigError, which goes up too. A wrapper (a record deserializer that uses formats for key and value) passes `open` and `prepare` on.
 */
export interface ValueFormat<T> {
  /** For messages: 'json', 'avro' … */
  readonly name: string;
  open?(): Promise<void>;
  /** What must be waited for before these bytes can be decoded; null when nothing. Cheap. */
  prepare?(bytes: Uint8Array): Promise<void> | null;
  /** One record. Keeps no reference to `bytes`. Throws an Error that says why they do not decode. */
  decodeRecord(bytes: Uint8Array): T;
  /** Type only. */
  readonly __type?: T;
}
