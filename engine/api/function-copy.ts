/**
 * Flink serialises a function for every subtask; here every subtask gets a copy. Arrays, maps, sets and plain objects in its fields are
 * copied with it, so that no subtask writes into another's; anything else (descriptors, clients, functions) is shared.
 *
 * Members with a # are out of reach from here. A function whose class has some is constructed anew, which gives the same object if its
 * constructors have no parameters; otherwise it is refused.
 */
import { ConfigError } from '../model/errors.ts';
import { ownCopy } from '../model/own-copy.ts';

export function copyOf<F extends object>(fn: F): F {
  const copy = emptyLike(fn);
  for (const [name, value] of Object.entries(fn)) Reflect.set(copy, name, ownCopy(value));
  return copy;
}

function emptyLike<F extends object>(fn: F): F {
  const sources = sourcesOf(fn);
  if (!sources.some((text) => PRIVATE_USE.test(text))) return Object.create(Object.getPrototypeOf(fn) as object) as F;
  if (!sources.some((text) => PARAMETERS.test(text))) return new (fn.constructor as new () => F)();
  throw new ConfigError(
    `${fn.constructor.name} has #members and a constructor with parameters: each subtask needs a copy, and what the constructor puts into #members cannot be copied. Declare them with "private" in place of #.`,
  );
}

const PRIVATE_USE = /\bthis\s*\.\s*#/;
const PARAMETERS = /\bconstructor\s*\(\s*[^\s)]/;

function sourcesOf(fn: object): string[] {
  const sources: string[] = [];
  let of = Object.getPrototypeOf(fn) as object | null;
  while (of !== null && of !== Object.prototype) {
    sources.push(Function.prototype.toString.call(of.constructor));
    of = Object.getPrototypeOf(of) as object | null;
  }
  return sources;
}
