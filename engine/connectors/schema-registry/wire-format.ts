/** Confluent's wire format: a byte 0, the schema's id as a big-endian int, the datum. */

export const HEADER_BYTES = 5;
const MAGIC = 0;

/** The schema's id; −1: the bytes have no header. */
export function schemaIdOf(bytes: Uint8Array): number {
  if (bytes.length < HEADER_BYTES || bytes[0] !== MAGIC) return -1;
  return ((bytes[1]! << 24) | (bytes[2]! << 16) | (bytes[3]! << 8) | bytes[4]!) >>> 0;
}

export function headerOf(id: number): Uint8Array {
  return Uint8Array.of(MAGIC, id >>> 24, id >>> 16, id >>> 8, id);
}

/** Why bytes have no header. */
export function withoutHeader(bytes: Uint8Array): Error {
  const why =
    bytes.length < HEADER_BYTES
      ? `it has ${bytes.length} bytes, and its header alone takes ${HEADER_BYTES}`
      : `it begins with byte 0x${bytes[0]!.toString(16).padStart(2, '0')} instead of 0x00`;
  return new Error(`the value is not in the schema registry's wire format: ${why}`);
}
