/** Values to bytes and back: msgpackr with records, so that objects of one shape share their field names within a call. */
import { Packr } from 'msgpackr';

const packr = new Packr({ useRecords: true, moreTypes: true, encodeUndefinedAsNil: false });

export function pack(value: unknown): Uint8Array {
  return packr.pack(value);
}

export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}
