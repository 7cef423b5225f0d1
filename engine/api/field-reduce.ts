/** sum, min, max, minBy, maxBy over a field, as reduce functions (Flink: SumAggregator, ComparableAggregator). */
import { UserCodeError } from '../model/errors.ts';

export type FieldReduction = 'sum' | 'min' | 'max' | 'minBy' | 'maxBy';
type Row = Record<string, unknown>;

/** `first`: of equals, minBy and maxBy take the first row; false: the last. */
export function fieldReduce(kind: FieldReduction, field: string, first = true): (a: unknown, b: unknown) => unknown {
  switch (kind) {
    case 'sum':
      return (a, b) => ({ ...(a as Row), [field]: plus(field, (a as Row)[field], (b as Row)[field]) });
    case 'min':
      return (a, b) => (less(field, b, a) ? { ...(a as Row), [field]: (b as Row)[field] } : a);
    case 'max':
      return (a, b) => (less(field, a, b) ? { ...(a as Row), [field]: (b as Row)[field] } : a);
    case 'minBy':
      return first ? (a, b) => (less(field, b, a) ? b : a) : (a, b) => (less(field, a, b) ? a : b);
    case 'maxBy':
      return first ? (a, b) => (less(field, a, b) ? b : a) : (a, b) => (less(field, b, a) ? a : b);
  }
}

function plus(field: string, a: unknown, b: unknown): number | bigint {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  if (typeof a === 'bigint' && typeof b === 'bigint') return a + b;
  throw new UserCodeError(`sum("${field}") needs numbers (or bigints); got ${typeof a} and ${typeof b}.`);
}

function less(field: string, a: unknown, b: unknown): boolean {
  const x = (a as Row)[field];
  const y = (b as Row)[field];
  if (typeof x === 'number' && typeof y === 'number') return x < y;
  if (typeof x === 'string' && typeof y === 'string') return x < y;
  if (typeof x === 'bigint' && typeof y === 'bigint') return x < y;
  if (x instanceof Date && y instanceof Date) return x < y;
  throw new UserCodeError(`the field "${field}" holds ${typeof x} and ${typeof y}, which cannot be compared.`);
}
