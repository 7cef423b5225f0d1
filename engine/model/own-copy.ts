/** A copy that shares nothing that could be changed: arrays, maps, sets and plain objects, however deep; anything else is shared. */
export function ownCopy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(ownCopy);
  if (value instanceof Map) return new Map([...value].map(([key, of]) => [key, ownCopy(of)]));
  if (value instanceof Set) return new Set([...value].map(ownCopy));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, ownCopy(of)]));
}
