/**
 * The range of a split as conditions. Integers are compared with the first and the last of them: the column's type may have no number
 * beyond, and a server refuses such a bound or takes the type's largest number for it.
 */
import type { KeyColumn, Page } from './page-query.ts';
import type { SplitDetails } from './split-details.ts';

/** `position`: of the first row, `end`: behind the last one, where positions are values of the key; `end` null: all. */
export function rangeBounds(
  column: KeyColumn,
  { by, from, to }: SplitDetails,
  position: number,
  end: number | null,
): Page['bounds'] {
  const bounds: Page['bounds'][number][] = [];
  if (from !== null) {
    const isWithin = by === 'key' && position > 0;
    if (isWithin) bounds.push({ column, operator: '>', value: String(BigInt(from) + BigInt(position) - 1n) });
    else bounds.push({ column, operator: '>=', value: from });
  }
  if (to === null) return bounds;
  if (column.kind !== 'integer') return [...bounds, { column, operator: '<', value: to }];
  const planned = by === 'key' && end !== null ? BigInt(from!) + BigInt(end) : BigInt(to);
  const behind = planned < BigInt(to) ? planned : BigInt(to);
  return [...bounds, { column, operator: '<=', value: String(behind - 1n) }];
}
