/**
 * Changes of a table by key, folded: the last change of a key is all that remains of the others. Laws, over any table:
 *
 *     apply(fold(changes)) = apply(changes), one after the other
 *     no group has a key twice
 *
 * With `exact` keys (equal just when their texts are) there are two groups: first the deletes, then the writes, so that a value of another
 * unique column is free when the row that had it goes. Otherwise keys with different texts may be one key to the database, and
 * the groups follow the order of the changes.
 */
import { bytesAsHex } from '../encode-value.ts';
import type { Change, StagedRow } from './staged-rows.ts';

export interface ChangeGroup {
  readonly change: Change;
  readonly rows: readonly StagedRow[];
}

/** `key`: positions of the key's values. */
export function foldChanges(rows: readonly StagedRow[], key: readonly number[], exact: boolean): ChangeGroup[] {
  const last = new Map<string, number>();
  for (let i = 0; i < rows.length; i++) last.set(keyText(rows[i]!, key), i);
  const kept = last.size === rows.length ? rows : [...last.values()].sort((a, b) => a - b).map((i) => rows[i]!);
  const groups: { readonly change: Change; readonly rows: StagedRow[] }[] = [];
  if (exact) {
    groups.push({ change: 'delete', rows: kept.filter(({ change }) => change === 'delete') });
    groups.push({ change: 'write', rows: kept.filter(({ change }) => change === 'write') });
    return groups.filter((group) => group.rows.length > 0);
  }
  for (const row of kept) {
    const group = groups.at(-1);
    if (group?.change === row.change) group.rows.push(row);
    else groups.push({ change: row.change, rows: [row] });
  }
  return groups;
}

function keyText({ values }: StagedRow, key: readonly number[]): string {
  if (key.length === 1) return partText(values[key[0]!]!);
  let text = '';
  for (const position of key) {
    const part = partText(values[position]!);
    text += `${part.length}:${part}`;
  }
  return text;
}

const partText = (value: string | Uint8Array | null): string =>
  typeof value === 'string' ? value : value === null ? '' : bytesAsHex(value);
