/** Which rows of a column are null: one bit a row. `states` as in ColumnSet.nulls: only 1 is null. */
import type { BlockInput, BlockOutput } from './block-output.ts';

export function writeBitmap(out: BlockOutput, states: Uint8Array, n: number): void {
  out.align();
  const length = (n + 7) >> 3;
  out.reserve(length);
  const { bytes, at } = out;
  bytes.fill(0, at, at + length);
  for (let i = 0; i < n; i++) if (states[i] === 1) bytes[at + (i >> 3)]! |= 1 << (i & 7);
  out.at += length;
}

export function readBitmap(input: BlockInput, states: Uint8Array, n: number): void {
  input.align();
  const { bytes, at } = input;
  for (let i = 0; i < n; i++) states[i] = (bytes[at + (i >> 3)]! >> (i & 7)) & 1;
  input.at += (n + 7) >> 3;
}
