/**
 * Flink serialises a function for every subtask; here every subtask gets a copy. Arrays, maps, sets and plain objects in its fields are
 * copied with it, so that no subtask writes into another's; anything else (descriptors, clients, functions) is shared.
 */
export function copyOf<F extends object>(fn: F): F {
  const copy = Object.create(Object.getPrototypeOf(fn) as object) as F;
  for (const [name, value] of Object.entries(fn)) Reflect.set(copy, name, ownCopy(value));
  return copy;
}

function ownCopy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(ownCopy);
  if (value instanceof Map) return new Map([...value].map(([key, of]) => [key, ownCopy(of)]));
  if (value instanceof Set) return new Set([...value].map(ownCopy));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, ownCopy(of)]));
}
