/**
 * The main job: delays of the flights that left New York, per airport and scheduled hour, and what each aircraft did in a day.
 *
 * ```
 * departures ─ parse ─┬─ filter ─ keyBy(origin) ─ 1 h windows ─┬─ delays        a row per (airport, hour) and firing
 *                     │                                        └─ late flights ┐
 *                     └─ flown ─ keyBy(tailnum) ─ sessions ─┬─ sessions        ├─ late
 *                                                           └─ late flights ───┘
 * lines that do not parse ─ dead-letters
 * ```
 *
 * Lines come in the order in which planes really left; event time is the *scheduled* departure. A window fires when the watermark (30
 * minutes behind the newest scheduled time) passes its end, and again for every flight that left up to 6 hours too late for
 * that. Each firing has one more scheduled flight than the one before: **the row with the most `scheduled` is the final one.**
 */
import {
  FileSink,
  FileSource,
  jsonEncoder,
  jsonLines,
  schema,
  t,
  type RowOf,
} from '../engine/connectors/files/index.ts';
import {
  defineJob,
  Duration,
  OutputTag,
  TumblingEventTimeWindows,
  WatermarkStrategy,
  type Config,
  type JobExecutionResult,
} from '../engine/index.ts';
import { aircraftSessions, type Flown } from './aircraft-sessions.ts';
import { AirportHour, delayStatistics } from './airport-hour.ts';
import { flightReport } from './flight-report.ts';

/** What is read of a line. A line without one of these, or with another type, is a dead letter. */
const departures = schema({
  flight_id: t.string(),
  tailnum: t.string().nullable(),
  origin: t.string(),
  dest: t.string(),
  distance: t.number(),
  sched_dep: t.int(),
  dep_delay: t.number().nullable(),
  status: t.string(),
});

export interface Flight {
  readonly flight_id: string;
  readonly tailnum: string | null;
  readonly origin: string;
  readonly dest: string;
  readonly distance: number;
  /** Event time, epoch milliseconds. */
  readonly sched_dep: number;
  /** Minutes; null: cancelled. */
  readonly dep_delay: number | null;
}

/** A flight that came too late for its window, or for its aircraft's session. */
export interface LateFlight {
  readonly too_late_for: 'window' | 'session';
  readonly flight_id: string;
  readonly sched_dep: string;
  readonly dep_delay: number | null;
}

/** Shorter flights are left out of the delays: feeder hops, all to Philadelphia. */
const SHORTEST_MILES = 100;

const lateForWindow = new OutputTag<Flight>('late-for-window');
export const settings = {
  /** File, folder or pattern. */
  input: 'functions/data/jan-departures.jsonl.gz',
  /** Each sink is a folder in here. */
  output: 'out/flight-delays',
  /** Lines a second; 0: as fast as it goes. */
  throttle: 0,
  epochMs: 250,
};

export const job = defineJob({
  name: 'flight-delays',
  config: settings,
  build(env, config) {
    env.enableCheckpointing(config.epochMs);
    const lines = FileSource.forRecordStreamFormat(jsonLines(departures), config.input);
    const sink = <T>(folder: string): FileSink<T> =>
      FileSink.forRowFormat<T>(`${config.output}/${folder}`, jsonEncoder()).withFileSuffix('.jsonl').build();

    const flights = env
      .fromSource(
        (config.throttle > 0 ? lines.throttle(config.throttle) : lines).build(),
        WatermarkStrategy.forBoundedOutOfOrderness<RowOf<typeof departures>>(
          Duration.ofMinutes(30),
        ).withTimestampAssigner((line) => line.sched_dep),
        'departures',
      )
      .uid('departures')
      .map(parseFlight)
      .name('parse')
      .uid('parse');

    const hours = flights
      .filter((flight) => flight.distance >= SHORTEST_MILES)
      .name('no feeder hops')
      .uid('no-feeder-hops')
      .keyBy('origin')
      .window(TumblingEventTimeWindows.of(Duration.ofHours(1)))
      .allowedLateness(Duration.ofHours(6))
      .sideOutputLateData(lateForWindow)
      .aggregate(delayStatistics, new AirportHour())
      .name('delays per airport and hour')
      .uid('airport-hours');
    hours.sinkTo(sink('delays')).name('delays').uid('delays');

    const sessions = flights
      .filter((flight): flight is Flown => flight.tailnum !== null && flight.dep_delay !== null)
      .name('flown')
      .uid('flown')
      .keyBy('tailnum')
      .process(aircraftSessions.process)
      .name('sessions per aircraft')
      .uid('aircraft-sessions');
    sessions.sinkTo(sink('sessions')).name('sessions').uid('sessions');

    hours
      .getSideOutput(lateForWindow)
      .map((flight) => lateFlight('window', flight))
      .name('late for window')
      .uid('late-for-window')
      .union(
        sessions
          .getSideOutput(aircraftSessions.late)
          .map((flight) => lateFlight('session', flight))
          .name('late for session')
          .uid('late-for-session'),
      )
      .sinkTo(sink('late'))
      .name('late')
      .uid('late');

    env.deadLetters().sinkTo(sink('dead-letters')).name('dead letters').uid('dead-letters');
  },
});

/** What `millrace run` prints when the job has finished. */
export const report = (_result: JobExecutionResult, config: Config<typeof settings>): Promise<string> =>
  flightReport(config.output);

/** What a schema cannot say: a flight has departed, with a delay, or it was cancelled. Throwing makes a dead letter of the line. */
function parseFlight(line: RowOf<typeof departures>): Flight {
  const { flight_id, tailnum, origin, dest, distance, sched_dep, dep_delay, status } = line;
  if (status !== 'DEPARTED' && status !== 'CANCELLED')
    throw new Error(`flight ${flight_id}: unknown status "${status}"`);
  if (status === 'DEPARTED' && dep_delay === null)
    throw new Error(`flight ${flight_id} has departed, but has no dep_delay`);
  return { flight_id, tailnum, origin, dest, distance, sched_dep, dep_delay: status === 'DEPARTED' ? dep_delay : null };
}

function lateFlight(reason: LateFlight['too_late_for'], flight: Flight): LateFlight {
  const { flight_id, sched_dep, dep_delay } = flight;
  return { too_late_for: reason, flight_id, sched_dep: new Date(sched_dep).toISOString(), dep_delay };
}
