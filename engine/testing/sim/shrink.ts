/**
 * Makes a failing run smaller while it still breaks a law: without most of its faults, with fewer records, with a simpler graph.
 * Faults and records have names of their own, so what is left stays as it was; the law that breaks may become another one.
 */
import type { GraphSpec } from './graph-spec.ts';
import type { Mutant } from './mutant.ts';
import { isExchange } from './operator-specs.ts';
import { simulate, type SimOptions, type SimResult } from './simulate.ts';

export interface Shrunk {
  readonly options: SimOptions;
  readonly result: SimResult;
  readonly runs: number;
}

const SIMPLER: readonly ((spec: GraphSpec) => GraphSpec)[] = [
  (spec) => ({ ...spec, second: null }),
  (spec) => ({ ...spec, post: [] }),
  (spec) => ({ ...spec, pre: [] }),
  (spec) => ({ ...spec, main: null, second: null, post: [] }),
  (spec) => ({ ...spec, raw: false, selfUnion: false }),
  (spec) => ({ ...spec, letters: false, poison: 0, input: { ...spec.input, badRate: 0 } }),
  (spec) => ({ ...spec, poison: 0 }),
  (spec) => ({ ...spec, keyedLetters: false }),
  (spec) => ({
    ...spec,
    pre: spec.pre.filter((op) => !isExchange(op)),
    post: spec.post.filter((op) => !isExchange(op)),
  }),
  (spec) => ({ ...spec, strategy: 'bounded' }),
  (spec) => ({ ...spec, alignMs: null }),
  (spec) => ({ ...spec, subtasks: 1, parallelism: 1, maxParallelism: 1 }),
  (spec) => ({ ...spec, idleMs: null }),
  (spec) => ({ ...spec, input: { ...spec.input, splits: [1], sources: 1 } }),
  (spec) => ({ ...spec, input: { ...spec.input, growing: false, bounded: true } }),
  (spec) => ({ ...spec, input: { ...spec.input, padding: 0 } }),
];

export async function shrink(seed: number, mutant: Mutant | null = null, most = 400): Promise<Shrunk> {
  let options: SimOptions = { mutant };
  let result = await simulate(seed, options);
  let runs = 1;
  const attempt = async (next: SimOptions): Promise<boolean> => {
    if (runs >= most) return false;
    runs++;
    const tried = await simulate(seed, next);
    if (tried.broken === null) return false;
    options = next;
    result = tried;
    return true;
  };
  for (const simpler of SIMPLER) {
    const { change } = options;
    await attempt({ ...options, change: (spec) => simpler(change?.(spec) ?? spec) });
  }
  // Halves, then quarters and so on, of the faults that took place; then one by one.
  for (
    let size = Math.ceil(result.faults.length / 2);
    size >= 1 && runs < most;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let from = 0; from < result.faults.length;) {
      const some = result.faults.slice(from, from + size).map((fault) => fault.name);
      if (!(await attempt({ ...options, without: new Set([...(options.without ?? []), ...some]) }))) from += size;
    }
  }
  for (const records of [1, 2, 3, 5, 8, 12, 20]) if (await attempt({ ...options, records })) break;
  return { options, result, runs };
}
