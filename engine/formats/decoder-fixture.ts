/** For tests: lines through a LineDecoder, in pieces of any size, and what a naive decoder says of them. */
import { DECODE_SLACK_BYTES, type LineDecoder } from './decoder.ts';

export type Outcome =
  { readonly position: number; readonly row: unknown } | { readonly position: number; readonly bad: true };

/** All outcomes in order of position; `maxRows` is called before each batch. */
export function decodeAll(decoder: LineDecoder, lines: readonly Buffer[], maxRows: () => number): Outcome[] {
  const data = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
  // Garbage after the end: a decoder must not look at it.
  const bytes = Buffer.concat([data, Buffer.alloc(DECODE_SLACK_BYTES, '"}]1')]);
  const outcomes: Outcome[] = [];
  for (let at = 0; at < data.length;) {
    const batch = decoder.decode(bytes, at, data.length, 0, maxRows());
    if (batch.end <= at) throw new Error('no progress');
    for (let i = 0; i < batch.n; i++) {
      if (batch.row !== null) batch.row.__i = i;
      outcomes.push({ position: batch.positionOf(i), row: batch.row === null ? batch.values![i] : batch.row.__copy() });
      const line = data.subarray(batch.positionOf(i), data.indexOf(10, batch.positionOf(i)));
      const raw = batch.rawOf(i);
      if (line.length < 8000 && raw !== line.toString().replace(/\r$/, '')) throw new Error(`rawOf(${i}) is ${raw}`);
    }
    for (const bad of batch.bad) outcomes.push({ position: bad.position, bad: true });
    at = batch.end;
    decoder.release(batch);
  }
  return outcomes.sort((a, b) => a.position - b.position);
}

/** What `parse` says of each line that is not blank. */
export function naiveOutcomes(lines: readonly Buffer[], parse: (text: string) => unknown): Outcome[] {
  let position = 0;
  return lines.flatMap((line): Outcome[] => {
    const at = position;
    position += line.length + 1;
    const text = line.toString('utf8');
    if (/^[ \t\r]*$/.test(text)) return [];
    try {
      return [{ position: at, row: parse(text) }];
    } catch {
      return [{ position: at, bad: true }];
    }
  });
}

/** A small seeded generator (mulberry32): numbers in [0, 1). */
export function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let x = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}
