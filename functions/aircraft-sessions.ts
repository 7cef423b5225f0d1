/**
 * Sessions of an aircraft: its flights from New York with at most 8 hours between one scheduled departure and the next.
 *
 * In: flights that were flown, keyed by tail number, in any order of event time. Out: a row per session. State: the open sessions of the
 * aircraft, more than one while flights may still come between them. Each has an event-time timer 8 hours after its last flight;
 * when the watermark gets there, nothing can join it any more: it is emitted and forgotten. A flight joins every open session that it
 * is within 8 hours of, which makes one session of them. One that joins none and is 8 hours behind the watermark is late.
 *
 * Which flights make a session does not depend on how the input is cut into epochs: an aircraft's state changes only by its own flights and
 * timers, and before a flight all timers up to the watermark in force before it have fired, whether an epoch ended in between or
 * not. That holds as long as all flights come in one split. With several input files the watermark is the smallest of them, and
 * how far each has been read when a flight that is behind its own file's watermark arrives does depend on the cuts: it may then
 * be late or not, as in Flink (E7b). In the same way the order of the rows of different aircraft is not part of the answer.
 */
import { keyedProcess, OutputTag, valueState, Duration, type Collector, type KeyedProcess } from '../engine/index.ts';

const GAP_MS = Duration.ofHours(8);

/** What counts here of a flight. */
export interface Flown {
  readonly flight_id: string;
  readonly tailnum: string;
  readonly origin: string;
  readonly dest: string;
  readonly distance: number;
  readonly sched_dep: number;
  readonly dep_delay: number;
}

interface Session {
  readonly first: number;
  readonly last: number;
  readonly flights: number;
  /** Minutes, summed. */
  readonly delay: number;
  /** In alphabetic order. */
  readonly airports: readonly string[];
}

/** What the job writes. `first`, `last`: scheduled departures of the first and the last flight. */
export interface SessionRow {
  readonly tailnum: string;
  readonly first: string;
  readonly last: string;
  readonly flights: number;
  readonly total_delay: number;
  readonly airports: readonly string[];
}

const late = new OutputTag<Flown>('late-for-session');

const process: KeyedProcess<string, Flown, SessionRow> = keyedProcess({
  state: { open: valueState<readonly Session[]>() },

  processElement(flight: Flown, ctx, _out: Collector<SessionRow>) {
    const { sched_dep: at, dep_delay: delay, origin, dest } = flight;
    const open = ctx.state.open.value() ?? [];
    const joined = open.filter((session) => at >= session.first - GAP_MS && at <= session.last + GAP_MS);
    if (joined.length === 0 && at + GAP_MS <= ctx.currentWatermark()) {
      ctx.output(late, flight);
      return;
    }
    let session: Session = {
      first: at,
      last: at,
      flights: 1,
      delay,
      airports: [...new Set([origin, dest])].toSorted(),
    };
    for (const other of joined) {
      session = merged(session, other);
      ctx.timerService().deleteEventTimeTimer(other.last + GAP_MS);
    }
    ctx.timerService().registerEventTimeTimer(session.last + GAP_MS);
    ctx.state.open.update([...open.filter((other) => !joined.includes(other)), session]);
  },

  onTimer(timestamp, ctx, out) {
    const open = ctx.state.open.value() ?? [];
    const rest = open.filter((session) => session.last + GAP_MS !== timestamp);
    ctx.state.open.update(rest.length === 0 ? null : rest);
    for (const session of open) if (!rest.includes(session)) out.collect(sessionRow(ctx.getCurrentKey(), session));
  },
});

export const aircraftSessions = { process, late };

function merged(a: Session, b: Session): Session {
  return {
    first: Math.min(a.first, b.first),
    last: Math.max(a.last, b.last),
    flights: a.flights + b.flights,
    delay: a.delay + b.delay,
    airports: [...new Set([...a.airports, ...b.airports])].toSorted(),
  };
}

function sessionRow(tailnum: string, { first, last, flights, delay, airports }: Session): SessionRow {
  const iso = (ms: number): string => new Date(ms).toISOString();
  return { tailnum, first: iso(first), last: iso(last), flights, total_delay: delay, airports };
}
