/** Windows of simulated jobs beyond the plain tumbling ones, as data: assigner, trigger, evictor and form in all combinations that make sense. */
import type { Decisions } from './decisions.ts';

export type AssignerSpec =
  | { readonly by: 'tumbling'; readonly sizeMs: number; readonly offsetMs: number }
  | { readonly by: 'sliding'; readonly sizeMs: number; readonly slideMs: number; readonly offsetMs: number }
  | { readonly by: 'session'; readonly gapMs: number }
  /** The gap follows from the row. */
  | { readonly by: 'dynamic-session' }
  | { readonly by: 'global' }
  /** By the plans' clock. */
  | { readonly by: 'clock' | 'clock-sliding' | 'clock-session'; readonly sizeMs: number };

/** `eager` is a trigger of the user's own, with state and timers. */
export type TriggerSpec =
  | { readonly when: 'default' | 'end' }
  | { readonly when: 'count'; readonly count: number; readonly purges: boolean }
  | { readonly when: 'continuous' | 'continuous-clock'; readonly everyMs: number }
  | { readonly when: 'eager' };

export type EvictorSpec =
  { readonly keeps: 'last'; readonly count: number } | { readonly keeps: 'latest'; readonly ms: number };

export interface PanesSpec {
  readonly kind: 'panes';
  readonly windows: AssignerSpec;
  readonly trigger: TriggerSpec;
  readonly evictor: EvictorSpec | null;
  readonly form: 'aggregate' | 'reduce' | 'list';
  readonly latenessMs: number;
  readonly late: boolean;
  /** One key for all rows. */
  readonly all: boolean;
}

export interface CountWindowSpec {
  readonly kind: 'count-window';
  readonly size: number;
  readonly slide: number | null;
  readonly all: boolean;
}

export function countWindowOf(d: Decisions, name: string): CountWindowSpec {
  const size = d.pick(`${name}.count`, [1, 2, 3, 5]);
  const slide = d.chance(`${name}.sliding`, 0.5) ? d.pick(`${name}.slide`, [1, 2, 4]) : null;
  return { kind: 'count-window', size, slide, all: d.chance(`${name}.all`, 0.2) };
}

export function panesOf(d: Decisions, name: string): PanesSpec {
  const windows = assignerOf(d, name);
  const byClock = windows.by.startsWith('clock');
  const trigger = triggerOf(d, name, windows);
  const plain = trigger.when === 'default';
  const evictor = plain && d.chance(`${name}.evicts`, 0.2) ? evictorOf(d, name) : null;
  return {
    kind: 'panes',
    windows,
    trigger,
    evictor,
    form: d.pick(`${name}.form`, ['aggregate', 'reduce', 'list']),
    latenessMs: byClock || windows.by === 'global' ? 0 : d.pick(`${name}.lateness`, [0, 0, 100]),
    late: !byClock && windows.by !== 'global' && d.chance(`${name}.late`, 0.6),
    all: d.chance(`${name}.all`, 0.2),
  };
}

export const EVENT_TIME = ['tumbling', 'sliding', 'sliding', 'session', 'session', 'dynamic-session'] as const;
const ALL = [...EVENT_TIME, 'global', 'clock', 'clock-sliding', 'clock-session'] as const;

export function assignerOf(d: Decisions, name: string, among: readonly AssignerSpec['by'][] = ALL): AssignerSpec {
  const by = d.pick(`${name}.by`, among);
  const sizeMs = d.pick(`${name}.size`, [30, 100, 250]);
  switch (by) {
    case 'tumbling':
      return { by, sizeMs, offsetMs: d.pick(`${name}.offset`, [0, 7, -11]) };
    case 'sliding':
      return {
        by,
        sizeMs,
        slideMs: d.pick(`${name}.slide`, [20, 50, 120]),
        offsetMs: d.pick(`${name}.offset`, [0, 7, -11]),
      };
    case 'session':
      return { by, gapMs: d.pick(`${name}.gap`, [9, 45, 170]) };
    case 'dynamic-session':
    case 'global':
      return { by };
    default:
      return { by, sizeMs };
  }
}

function triggerOf(d: Decisions, name: string, { by }: AssignerSpec): TriggerSpec {
  const count = {
    when: 'count',
    count: d.pick(`${name}.every`, [1, 2, 4]),
    purges: d.chance(`${name}.purges`, 0.5),
  } as const;
  if (by === 'global') return d.chance(`${name}.end`, 0.4) ? { when: 'end' } : count;
  const when = d.pick(`${name}.trigger`, [
    'default',
    'default',
    'default',
    'default',
    'count',
    'continuous',
    'eager',
  ] as const);
  const everyMs = d.pick(`${name}.everyMs`, [20, 70]);
  if (by.startsWith('clock') && (when === 'continuous' || when === 'eager'))
    return { when: 'continuous-clock', everyMs };
  if (when === 'continuous') return { when: d.chance(`${name}.byClock`, 0.3) ? 'continuous-clock' : when, everyMs };
  return when === 'count' ? count : { when };
}

function evictorOf(d: Decisions, name: string): EvictorSpec {
  return d.chance(`${name}.lastOnes`, 0.5)
    ? { keeps: 'last', count: d.pick(`${name}.keeps`, [1, 3]) }
    : { keeps: 'latest', ms: d.pick(`${name}.keepsMs`, [15, 60]) };
}
