/**
 * Numbers of a chunk, exactly (−0, NaN and infinities too). Whole numbers stand as distances from the smallest, or from the one before
 * where they ascend, in the fewest bytes that hold the largest distance; all else as doubles. A distance below 2^32 between two whole
 * doubles is exact however large they are, and so is the sum that brings the second one back.
 *
 *   kind 0: all are `base`    1, 2, 4: base + unsigned distances of so many bytes    9, 10, 12: running sum of them    16: doubles
 */
import type { BlockInput, BlockOutput } from './block-output.ts';

const CONSTANT = 0;
const ASCENDING = 8;
const DOUBLES = 16;

export function writeNumbers(out: BlockOutput, from: Float64Array, n: number): void {
  const kind = kindOf(from, n);
  out.head(kind, 0, 0);
  if (kind === DOUBLES) {
    out.reserve(n * 8);
    out.f64.set(n === from.length ? from : from.subarray(0, n), out.at >> 3);
    out.at += n * 8;
    return;
  }
  out.reserve(8 + n * 4);
  out.f64[out.at >> 3] = base;
  out.at += 8;
  if (kind === CONSTANT) return;
  const width = kind & 7;
  const items = width === 1 ? out.bytes : width === 2 ? out.u16 : out.u32;
  const at = out.at / width;
  if (kind < ASCENDING) writeDistances(items, at, from, n, base);
  else writeSteps(items, at, from, n, base);
  out.at += n * width;
}

export function readNumbers(input: BlockInput, into: Float64Array, n: number): void {
  const kind = input.head();
  if (kind === DOUBLES) {
    into.set(input.f64.subarray(input.at >> 3, (input.at >> 3) + n));
    input.at += n * 8;
    return;
  }
  const first = input.f64[input.at >> 3]!;
  input.at += 8;
  if (kind === CONSTANT) {
    into.fill(first, 0, n);
    return;
  }
  const width = kind & 7;
  const items = width === 1 ? input.bytes : width === 2 ? input.u16 : input.u32;
  const at = input.at / width;
  if (kind < ASCENDING) for (let i = 0; i < n; i++) into[i] = first + items[at + i]!;
  else for (let i = 0, v = first; i < n; i++) into[i] = v += items[at + i]!;
  input.at += n * width;
}

/** Whole numbers that are not negative. */
export function writeInts(out: BlockOutput, from: Int32Array, n: number): void {
  let min = n === 0 ? 0 : from[0]!;
  let max = min;
  for (let i = 1; i < n; i++) {
    const v = from[i]!;
    if (v < min) min = v;
    if (v > max) max = v;
  }
  const width = widthOf(max - min);
  out.head(width, 0, min);
  if (width === 0) return;
  out.reserve(n * width);
  const items = width === 1 ? out.bytes : width === 2 ? out.u16 : out.u32;
  const at = out.at / width;
  for (let i = 0; i < n; i++) items[at + i] = from[i]! - min;
  out.at += n * width;
}

export function readInts(input: BlockInput, into: Int32Array, n: number): void {
  const width = input.head();
  const first = input.n;
  if (width === 0) {
    into.fill(first, 0, n);
    return;
  }
  const items = width === 1 ? input.bytes : width === 2 ? input.u16 : input.u32;
  const at = input.at / width;
  for (let i = 0; i < n; i++) into[i] = first + items[at + i]!;
  input.at += n * width;
}

/** Set by `kindOf`. */
let base = 0;

function kindOf(from: Float64Array, n: number): number {
  let min = n === 0 ? 0 : from[0]!;
  let max = min;
  for (let i = 0; i < n; i++) {
    const v = from[i]!;
    if (v !== Math.trunc(v) || (v === 0 && 1 / v < 0)) return DOUBLES;
    if (v < min) min = v;
    else if (v > max) max = v;
  }
  base = min;
  if (min === max) return CONSTANT;
  const width = widthOf(max - min);
  const stepWidth = widthOf(largestStep(from, n));
  return stepWidth < width ? ASCENDING | stepWidth : width === 8 ? DOUBLES : width;
}

/** Infinity: the numbers do not ascend. A loop of its own, because most columns leave it at once. */
function largestStep(from: Float64Array, n: number): number {
  let step = 0;
  for (let i = 1; i < n; i++) {
    const d = from[i]! - from[i - 1]!;
    if (d < 0) return Infinity;
    if (d > step) step = d;
  }
  return step;
}

/** Bytes for distances up to `range`; 8: more than 4. */
function widthOf(range: number): number {
  return range === 0 ? 0 : range <= 0xff ? 1 : range <= 0xffff ? 2 : range <= 0xffffffff ? 4 : 8;
}

type Items = Uint8Array | Uint16Array | Uint32Array;

function writeDistances(items: Items, at: number, from: Float64Array, n: number, min: number): void {
  for (let i = 0; i < n; i++) items[at + i] = from[i]! - min;
}

function writeSteps(items: Items, at: number, from: Float64Array, n: number, first: number): void {
  for (let i = 0, before = first; i < n; i++) {
    const v = from[i]!;
    items[at + i] = v - before;
    before = v;
  }
}
