/**
 * The layout of the single table (ARCHITECTURE section 5): partition key `p`, sort key `s`, job first, so that IAM can use leading keys.
 *
 * | item            | p                          | s                                 |
 * |-----------------|----------------------------|-----------------------------------|
 * | head            | `job#H`                    | `head`                            |
 * | plan, fold, …   | `job#E`                    | the key                           |
 * | ack             | `job#A#<0…15>`, by its key | the key                           |
 * | manifest        | `job#M#<epoch mod 16>`     | the key                           |
 * | piece of a large item | `job#C`              | `key#nonce#number`                |
 * | small object    | `job#L#<0…7>`, by its name | its name, without `jobs/<job>/`   |
 * | names of jobs   | `#jobs`                    | the job                           |
 */
import { parseItemKey } from '../checkpoint/item-keys.ts';
import { murmur3 } from '../model/murmur3.ts';

export interface TableKey {
  readonly p: string;
  readonly s: string;
}

/** A partition takes about 1,000 writes a second: acks of a wide epoch come all at once. */
const ACK_PARTITIONS = 16;
const MANIFEST_PARTITIONS = 16;

export const JOBS = '#jobs';
export const headKey = (job: string): TableKey => ({ p: `${job}#H`, s: 'head' });
export const jobKey = (job: string): TableKey => ({ p: JOBS, s: job });

export function itemKey(job: string, key: string): TableKey {
  const item = parseItemKey(key);
  if (item?.kind === 'ack') return { p: `${job}#A#${murmur3(Buffer.from(key)) % ACK_PARTITIONS}`, s: key };
  if (item?.kind === 'manifest') return { p: `${job}#M#${item.epoch % MANIFEST_PARTITIONS}`, s: key };
  return { p: `${job}#E`, s: key };
}

/** Partitions in which items with keys that start with `prefix` stand. */
export function partitionsOf(job: string, prefix: string): readonly string[] {
  const may = (kind: string): boolean => kind.startsWith(prefix) || prefix.startsWith(kind);
  return [
    `${job}#E`,
    `${job}#C`,
    ...(may('ack/') ? numbered(`${job}#A#`, ACK_PARTITIONS) : []),
    ...(may('manifest/') ? numbered(`${job}#M#`, MANIFEST_PARTITIONS) : []),
  ];
}

/** '#' is in no key (ports/state-store.ts), and sorts before every character that is. */
export const pieceKey = (job: string, key: string, nonce: string, piece: number): TableKey => ({
  p: `${job}#C`,
  s: `${piecePrefix(key)}${nonce}#${String(piece).padStart(4, '0')}`,
});
export const piecePrefix = (key: string): string => `${key}#`;
export const keyOfSort = (s: string): string => s.split('#', 1)[0]!;

export const numbered = (prefix: string, n: number): readonly string[] =>
  Array.from({ length: n }, (_, i) => prefix + i);
