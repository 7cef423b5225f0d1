/**
 * Rows of two streams in one (Flink: TaggedUnion): what a window of two streams holds, and what its trigger and evictor see. Plain objects,
 * so that state can hold them.
 */
export type TaggedUnion<A, B> = { readonly side: 1; readonly value: A } | { readonly side: 2; readonly value: B };

export function tagged<S extends 1 | 2, T>(side: S): (value: T) => { readonly side: S; readonly value: T } {
  return (value) => ({ side, value: owned(value) });
}

/** Rows of a declared schema are reused; this one stays. */
function owned<T>(value: T): T {
  const row = value as { __copy?: () => T };
  return typeof row === 'object' && row !== null && typeof row.__copy === 'function' ? row.__copy() : value;
}
