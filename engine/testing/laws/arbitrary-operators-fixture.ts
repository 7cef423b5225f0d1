/**
 * Specs of random operators (random-operators.ts), for fast-check. `any`: those too whose answer depends on the order of arrival;
 * `clock`: and on the plans' clocks.
 */
import fc from 'fast-check';
import type { AssignerSpec, EvictorSpec, PanesSpec, TriggerSpec } from '../sim/pane-specs.ts';
import { DEALINGS, type Dealing, type MoreKeyed } from './random-operators.ts';

export function dealing(any: boolean): fc.Arbitrary<Dealing> {
  return fc.constantFrom(...DEALINGS.filter((kind) => any || kind !== 'count'));
}

export interface Allowed {
  readonly any: boolean;
  readonly clock: boolean;
}

export function moreKeyed(allow: Allowed): fc.Arbitrary<MoreKeyed> {
  const eventTime: fc.Arbitrary<MoreKeyed>[] = [
    panes({ any: false, clock: false }),
    panes({ any: false, clock: false }),
    fc.record({ kind: fc.constantFrom('co-sums' as const, 'ruled-sums' as const), bucketMs: fc.constantFrom(5, 30) }),
    fc
      .record({ lowerMs: fc.constantFrom(-25, -3, 0, 8), width: fc.constantFrom(0, 5, 40) })
      .map(({ lowerMs, width }) => ({ kind: 'interval-join', lowerMs, upperMs: lowerMs + width })),
    fc.record({ kind: fc.constantFrom('co-group' as const, 'join' as const), windows: eventTimeWindows }),
  ];
  if (!allow.any) return fc.oneof(...eventTime);
  return fc.oneof(
    ...eventTime,
    panes(allow),
    panes(allow),
    fc.record({ kind: fc.constantFrom('connect' as const, 'broadcast' as const) }),
    ...(allow.clock ? [ttl] : []),
    fc.record({
      kind: fc.constant('count-window' as const),
      size: fc.constantFrom(1, 2, 5),
      slide: fc.constantFrom(null, 1, 3),
      all: fc.boolean(),
    }),
  );
}

const ttl: fc.Arbitrary<MoreKeyed> = fc.record({
  kind: fc.constant('ttl' as const),
  ttlMs: fc.constantFrom(1, 5, 1000),
  onRead: fc.boolean(),
});

const sizeMs = fc.constantFrom(6, 20, 50);
const offsetMs = fc.constantFrom(0, 3, -2);

const eventTimeWindows: fc.Arbitrary<AssignerSpec> = fc.oneof(
  fc.record({ by: fc.constant('tumbling' as const), sizeMs, offsetMs }),
  fc.record({ by: fc.constant('sliding' as const), sizeMs, slideMs: fc.constantFrom(4, 15, 30), offsetMs }),
  fc.record({ by: fc.constant('session' as const), gapMs: fc.constantFrom(1, 7, 25) }),
  fc.record({ by: fc.constant('dynamic-session' as const) }),
);

const clockWindows: fc.Arbitrary<AssignerSpec> = fc.record({
  by: fc.constantFrom('clock' as const, 'clock-sliding' as const, 'clock-session' as const),
  sizeMs: fc.constantFrom(2, 20),
});

const form = fc.constantFrom('aggregate' as const, 'reduce' as const, 'list' as const);
const all = fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });

function panes({ any, clock }: Allowed): fc.Arbitrary<PanesSpec> {
  const latest = fc.record({ keeps: fc.constant('latest' as const), ms: fc.constantFrom(5, 20) });
  const last = fc.record({ keeps: fc.constant('last' as const), count: fc.constantFrom(1, 3) });
  const evictors: fc.Arbitrary<EvictorSpec | null>[] = [fc.constant(null), fc.constant(null), any ? last : latest];
  const plain = fc.record({
    windows: eventTimeWindows,
    trigger: any ? eventTimeTriggers(clock) : fc.constant<TriggerSpec>({ when: 'default' }),
    latenessMs: fc.constantFrom(0, 0, 15, 60),
    late: fc.boolean(),
  });
  const byClock = fc.record({
    windows: clockWindows,
    trigger: fc.oneof(fc.constant<TriggerSpec>({ when: 'default' }), counting),
    latenessMs: fc.constant(0),
    late: fc.constant(false),
  });
  return fc
    .tuple(any && clock ? fc.oneof({ weight: 3, arbitrary: plain }, byClock) : plain, fc.oneof(...evictors), form, all)
    .map(([windows, evictor, how, keyless]) => ({ kind: 'panes', ...windows, evictor, form: how, all: keyless }));
}

const counting: fc.Arbitrary<TriggerSpec> = fc.record({
  when: fc.constant('count' as const),
  count: fc.constantFrom(1, 2, 4),
  purges: fc.boolean(),
});

function eventTimeTriggers(clock: boolean): fc.Arbitrary<TriggerSpec> {
  const everyMs = fc.constantFrom(5, 30);
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant<TriggerSpec>({ when: 'default' }) },
    counting,
    fc.record({
      when: clock
        ? fc.constantFrom('continuous' as const, 'continuous-clock' as const)
        : fc.constant('continuous' as const),
      everyMs,
    }),
    fc.constant<TriggerSpec>({ when: 'eager' }),
  );
}
