/**
 * Rows that a constraint refuses at COMMIT, when no statement tells any more which of them it was. PostgreSQL names the key, in its words
 * for people but always as `(columns)=(values)`: rows with these values are at fault. All of them where the key refers to what is not
 * there; where it is taken (23505) the last one, as when rows are checked one after the other.
 */
import type { SqlFailure } from '../session.ts';
import type { StagedBatch } from './staged-rows.ts';

const KEY = /\(([^()]+)\)=\((.*)\)/s;
const TAKEN = '23505';

/** Positions in the slot's epoch; none: it cannot be told. `but`: positions that are not written. */
export function rowsAtFault(
  { detail, sqlCode }: SqlFailure,
  batches: readonly StagedBatch[],
  but: { has(position: number): boolean },
): number[] {
  const match = KEY.exec(detail ?? '');
  if (match === null) return [];
  const names = match[1]!.split(', ').map((name) => name.replace(/^"(.*)"$/, '$1').replaceAll('""', '"'));
  const found: number[] = [];
  let from = 0;
  for (const { header, rows } of batches) {
    const places = header.kind === 'table' ? names.map((name) => header.columns.indexOf(name)) : [-1];
    if (!places.includes(-1))
      for (const [i, { change, values }] of rows.entries()) {
        const texts = places.map((place) => values[place]);
        if (change === 'write' && texts.join(', ') === match[2] && !but.has(from + i)) found.push(from + i);
      }
    from += rows.length;
  }
  return sqlCode === TAKEN ? found.slice(-1) : found;
}
