/**
 * Zigzag variable-length integers of Kafka's records. The reader's place stands in a variable of this module: an object to hold it would be
 * written once a field. 64-bit values are doubles: exact below 2^53.
 */
let place = 0;

export function setPlace(position: number): void {
  place = position;
}
export function placeAfter(): number {
  return place;
}

/** At the place. Beyond the end of `bytes`, or longer than five bytes: NaN. */
export function readVarint(bytes: Uint8Array): number {
  let byte = bytes[place++];
  if (byte === undefined) return NaN;
  if (byte < 128) return (byte >>> 1) ^ -(byte & 1);
  let value = byte & 127;
  for (let shift = 7; shift < 35; shift += 7) {
    byte = bytes[place++];
    if (byte === undefined) return NaN;
    value |= (byte & 127) << shift;
    if (byte < 128) return (value >>> 1) ^ -(value & 1);
  }
  return NaN;
}

/** As `readVarint`, up to ten bytes. */
export function readVarlong(bytes: Uint8Array): number {
  let unsigned = 0;
  let weight = 1;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[place++];
    if (byte === undefined) return NaN;
    unsigned += (byte & 127) * weight;
    if (byte < 128) return unsigned % 2 === 0 ? unsigned / 2 : -(unsigned + 1) / 2;
    weight *= 128;
  }
  return NaN;
}

/** Of a 32-bit integer. */
export function varintBytes(value: number): number {
  const u = ((value << 1) ^ (value >> 31)) >>> 0;
  return u < 0x80 ? 1 : u < 0x4000 ? 2 : u < 0x20_0000 ? 3 : u < 0x1000_0000 ? 4 : 5;
}

export function varlongBytes(value: number): number {
  let u = value < 0 ? -2 * value - 1 : 2 * value;
  let n = 1;
  for (; u >= 128; u = Math.floor(u / 128)) n++;
  return n;
}

/** The position behind it. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let u = ((value << 1) ^ (value >> 31)) >>> 0;
  for (; u >= 128; u >>>= 7) bytes[at++] = (u & 127) | 128;
  bytes[at++] = u;
  return at;
}

export function writeVarlong(bytes: Uint8Array, at: number, value: number): number {
  let u = value < 0 ? -2 * value - 1 : 2 * value;
  for (; u >= 128; u = Math.floor(u / 128)) bytes[at++] = (u % 128) | 128;
  bytes[at++] = u;
  return at;
}
