/**
 * The sessions in flight of one key: they neither overlap nor touch, and are in the order of time. What comes to overlap or touch becomes
 * one, with Flink's order of merging (merge-order.ts).
 */
import { UserCodeError } from '../model/errors.ts';
import { TimeWindow, type Window } from '../windows/time-window.ts';
import { inMergeOrder } from './merge-order.ts';

/** [start, end), with what has been gathered in it. */
export interface Session {
  start: number;
  end: number;
  accumulator: unknown;
}

export class KeySessions {
  readonly sessions: Session[] = [];
  /** Number of the snapshot interval in which it last changed. */
  stamp = 0;
  isStored = false;

  /** Where [start, end) belongs: the sessions at [from, to) overlap or touch it. */
  range(start: number, end: number): readonly [from: number, to: number] {
    const { sessions } = this;
    let from = sessions.length;
    while (from > 0 && sessions[from - 1]!.end >= start) from--;
    let to = from;
    while (to < sessions.length && sessions[to]!.start <= end) to++;
    return [from, to];
  }

  insert(at: number, session: Session): void {
    this.sessions.splice(at, 0, session);
  }

  /** The sessions at [from, to), one at least, become one with [start, end). */
  join(
    [from, to]: readonly [number, number],
    start: number,
    end: number,
    merge: (a: unknown, b: unknown) => unknown,
  ): Session {
    const { sessions } = this;
    const into = sessions[from]!;
    if (to - from > 1) {
      const merged = sessions.splice(from + 1, to - from - 1);
      into.accumulator = mergeAll(inOrder([into, ...merged], start, end), merge);
      into.end = merged.at(-1)!.end;
    }
    if (start < into.start) into.start = start;
    if (end > into.end) into.end = end;
    return into;
  }

  /** Drops the sessions that are over: their end and `keptMs` more lie behind. False: there are none. */
  dropUntil(time: number, keptMs: number): boolean {
    const { sessions } = this;
    let over = 0;
    while (over < sessions.length && sessions[over]!.end - 1 + keptMs <= time) over++;
    if (over > 0) sessions.splice(0, over);
    return over > 0;
  }

  /** The session whose max timestamp it is. */
  lastingTo(time: number): Session | undefined {
    const session = this.sessions[this.passedBy(time) - 1];
    return session !== undefined && session.end - 1 === time ? session : undefined;
  }

  /** When something is next to be done, given that all up to `passed` is done: a session fires, or it is over. Infinity: never. */
  dueAfter(passed: number, keptMs: number): number {
    const { sessions } = this;
    const fired = this.passedBy(passed);
    const fires = fired < sessions.length ? sessions[fired]!.end - 1 : Infinity;
    return fired === 0 ? fires : Math.min(fires, sessions[0]!.end - 1 + keptMs);
  }

  /** How many sessions have their max timestamp at or before it. */
  private passedBy(time: number): number {
    const { sessions } = this;
    let n = sessions.length;
    while (n > 0 && sessions[n - 1]!.end - 1 > time) n--;
    return n;
  }

  stored(): unknown {
    return this.sessions.map(({ start, end, accumulator }) => [start, end, accumulator]);
  }
}

export function restoredSessions(stored: unknown): KeySessions {
  const restored = new KeySessions();
  for (const [start, end, accumulator] of stored as [number, number, unknown][])
    restored.sessions.push({ start, end, accumulator });
  restored.isStored = true;
  return restored;
}

function mergeAll(sessions: readonly Session[], merge: (a: unknown, b: unknown) => unknown): unknown {
  const merged = sessions.map(({ accumulator }) => accumulator).reduce((a, b) => merge(a, b));
  if (merged === undefined) throw new UserCodeError('merge(a, b) returned undefined; return the accumulator of both.');
  return merged;
}

/** Flink's set holds the window of the element that brings the sessions together, too. */
function inOrder(sessions: readonly Session[], start: number, end: number): readonly Session[] {
  const windows = sessions.map((session) => new TimeWindow(session.start, session.end));
  const byWindow = new Map<Window, Session>(windows.map((window, i) => [window, sessions[i]!]));
  const all = [...windows, new TimeWindow(start, end)].sort((a, b) => a.start - b.start);
  return inMergeOrder(all).flatMap((window) => byWindow.get(window) ?? []);
}
