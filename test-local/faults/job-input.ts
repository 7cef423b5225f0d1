/** The input of the job on trial, and what comes of it by a loop that shares nothing with the engine. */

export const PARTITIONS = 4;
export const WINDOW_MS = 1000;
/** A second of rows each, in every partition. */
export const CHUNKS = 24;
const ROWS_PER_CHUNK = 40;
const KEYS = 17;

export interface InputRow {
  readonly key: string;
  /** Event time. */
  readonly at: number;
  readonly cents: number;
  readonly kept: boolean;
}

export interface Total {
  readonly key: string;
  readonly second: number;
  readonly n: number;
  readonly cents: number;
}

export const ROWS_PER_PARTITION = CHUNKS * ROWS_PER_CHUNK;

/** One second of a partition, in order of time. */
export function chunkOf(partition: number, chunk: number): readonly InputRow[] {
  return Array.from({ length: ROWS_PER_CHUNK }, (_, i) => {
    const n = (chunk * ROWS_PER_CHUNK + i) * PARTITIONS + partition;
    return {
      key: `key-${(n * 7) % KEYS}`,
      at: chunk * WINDOW_MS + Math.floor((i * WINDOW_MS) / ROWS_PER_CHUNK),
      cents: (n * 31) % 1009,
      kept: n % 5 !== 0,
    };
  });
}

/** Each as JSON, sorted. `before`: of the windows that end by then. */
export function expectedTotals(before = Number.POSITIVE_INFINITY): readonly string[] {
  const totals = new Map<string, Total>();
  for (let chunk = 0; chunk < CHUNKS; chunk++)
    for (let partition = 0; partition < PARTITIONS; partition++)
      for (const { key, at, cents, kept } of chunkOf(partition, chunk)) {
        if (!kept) continue;
        const second = Math.floor(at / WINDOW_MS) * WINDOW_MS;
        const before = totals.get(`${key} ${second}`) ?? { key, second, n: 0, cents: 0 };
        totals.set(`${key} ${second}`, { key, second, n: before.n + 1, cents: before.cents + cents });
      }
  return [...totals.values()]
    .filter(({ second }) => second + WINDOW_MS <= before)
    .map(textOf)
    .toSorted();
}

export const textOf = ({ key, second, n, cents }: Total): string => JSON.stringify({ key, second, n, cents });
