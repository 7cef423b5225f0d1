/** Records as bytes: JSON in UTF-8. The format is checked on reading, so that an old program refuses a newer record by name. */
import { CorruptionError } from '../model/errors.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export interface Formatted {
  readonly format: 1;
}

export function encodeRecord(record: Formatted): Uint8Array {
  return encoder.encode(JSON.stringify(record));
}

/** `what` names the record in errors, e.g. "plan plan/0001-0002". */
export function decodeRecord<R extends Formatted>(bytes: Uint8Array, what: string): R {
  let parsed: unknown;
  try {
    parsed = JSON.parse(decoder.decode(bytes));
  } catch (cause) {
    throw new CorruptionError(
      `${what} is not a readable record (${bytes.length} bytes). Restore the state from a copy.`,
      { what },
      cause,
    );
  }
  const format = typeof parsed === 'object' && parsed !== null && 'format' in parsed ? parsed.format : undefined;
  if (format !== 1)
    throw new CorruptionError(
      `${what} has format ${String(format)}; this version of Millrace reads format 1. Use a newer version.`,
      { what },
    );
  return parsed as R;
}
