import type { Counts } from './records.ts';

/** Name by name. */
export function sumCounts(parts: readonly Counts[]): Counts {
  const out: Record<string, number> = {};
  for (const part of parts) for (const [name, n] of Object.entries(part)) out[name] = (out[name] ?? 0) + n;
  return out;
}
