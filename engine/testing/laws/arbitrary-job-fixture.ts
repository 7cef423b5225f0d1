/** Random jobs with their input, and random cuts of it, for fast-check. */
import fc from 'fast-check';
import { dealing, moreKeyed, type Allowed } from './arbitrary-operators-fixture.ts';
import type { Row } from './law-row.ts';
import type { JobSpec, KeyedKind, Keying, SourceSpec, Stateless } from './random-job.ts';
import type { MoreKeyed } from './random-operators.ts';

const DELAY_MS = 20;

/**
 * `late`: rows may be behind their split's watermark; `any`: operators whose answer depends on the order of arrival too; `clock`: and on
 * the plans' clocks, which failures move.
 */
export function jobSpec(allow: Allowed & { readonly late: boolean }): fc.Arbitrary<JobSpec> {
  const plain = fc.constantFrom<Stateless>('map', 'filter', 'flatMap', 'process');
  const before = fc.array(fc.oneof({ weight: 4, arbitrary: plain }, { weight: 1, arbitrary: dealing(allow.any) }), {
    maxLength: 2,
  });
  const window = fc.record({
    kind: fc.constant('window' as const),
    form: fc.constantFrom('aggregate' as const, 'function' as const, 'reduce' as const, 'process' as const),
    sizeMs: fc.constantFrom(7, 10, 50),
    offsetMs: fc.constantFrom(0, 3, -2),
    latenessMs: fc.constantFrom(0, 0, 15, 60),
    early: fc.boolean(),
  });
  const simple = allow.any
    ? (['reduce', 'sum', 'min', 'max', 'states', 'states', 'buffer'] as const)
    : (['buffer'] as const);
  const keyed: fc.Arbitrary<KeyedKind | MoreKeyed> = fc.oneof(
    fc.constantFrom(...simple).map((kind) => ({ kind })),
    window,
    { weight: 3, arbitrary: moreKeyed(allow) },
  );
  const stage = fc.record({
    before,
    keying: fc.constantFrom<Keying>('field', 'function', 'number', 'composite'),
    keyed,
    other: fc.constantFrom('odd rows' as const, 'sources' as const),
  });
  return fc
    .record({
      sources: fc.array(source(allow.late), { minLength: 1, maxLength: 3 }),
      delayMs: fc.constant(DELAY_MS),
      strategyAt: fc.constantFrom('source' as const, 'source' as const, 'operator' as const),
      stages: fc.array(stage, { minLength: 1, maxLength: 2 }),
      second: fc.constantFrom('main' as const, 'with source' as const, 'with side' as const),
      maxParallelism: fc.constantFrom(1, 3, 8, 128),
      parallelism: fc.constantFrom(1, 2, 3),
      generator: fc.constantFrom('built-in' as const, 'built-in' as const, 'custom' as const, 'aligned' as const),
      failAt: fc.constant(null),
    })
    .filter(({ stages }) => stages.slice(0, -1).every(({ keyed: { kind } }) => kind !== 'count-window'));
}

/** Rows in rising time, each pushed back by at most the delay (or, if late ones are allowed, more); splits apart by a skew. */
function source(late: boolean): fc.Arbitrary<SourceSpec> {
  const back = late
    ? fc.oneof({ weight: 6, arbitrary: fc.nat(DELAY_MS) }, { weight: 1, arbitrary: fc.nat(6 * DELAY_MS) })
    : fc.nat(DELAY_MS);
  const step = fc.record({ ahead: fc.nat(12), back, k: fc.nat(5), v: fc.nat(20) });
  const split = fc.record({
    steps: fc.array(step, { maxLength: 25 }),
    from: fc.integer({ min: -100, max: 200 }),
    name: fc.nat(9999),
  });
  const rowsOf = ({
    steps,
    from,
    name,
  }: {
    steps: readonly { ahead: number; back: number; k: number; v: number }[];
    from: number;
    name: number;
  }): Row[] => {
    let time = from;
    return steps.map(({ ahead, back: behind, k, v }, i) => ({
      id: `${name}-${i}`,
      k: `k${k}`,
      v,
      t: (time += ahead) - behind,
    }));
  };
  return fc.record({ splits: fc.array(split.map(rowsOf), { minLength: 1, maxLength: 3 }), lazy: fc.boolean() });
}

/** Rows per epoch, gone through in a circle. */
export const cut = fc.array(fc.oneof(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 100 })), {
  minLength: 1,
  maxLength: 4,
});
