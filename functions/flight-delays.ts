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
 *
 * With `--set source=kafka --set sink=kafka` the lines come from a topic, and each sink is a topic `<outputTopic>-<sink>`. With
 * `sink=kafka+jdbc` the delays go to a table of PostgreSQL instead (`DELAYS_TABLE`), a row per airport and hour: the final one.
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
import { JdbcConnectionOptionsBuilder, JdbcSink } from '../engine/connectors/jdbc/index.ts';
import { deadLetterRecords } from '../engine/connectors/kafka/index.ts';
import {
  ConfigError,
  defineJob,
  Duration,
  OutputTag,
  TumblingEventTimeWindows,
  WatermarkStrategy,
  type Config,
  type DeadLetter,
  type JobExecutionResult,
  type Sink,
  type Source,
} from '../engine/index.ts';
import { aircraftSessions, type Flown } from './aircraft-sessions.ts';
import { AirportHour, delayStatistics, type AirportHourRow } from './airport-hour.ts';
import { flightReport } from './flight-report.ts';
import { kafkaSettings, oneOf, topicSink, topicSource } from './kafka-topics.ts';

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
  ...kafkaSettings,
  inputTopic: 'departures',
  outputTopic: 'flight-delays',
  /** `files` or `kafka`. */
  source: 'files',
  /** `files`, `kafka` or `kafka+jdbc`. */
  sink: 'files',
  /** `jdbc:postgresql://host:5432/database`. */
  jdbcUrl: null,
  jdbcUser: null,
  jdbcPassword: null,
  /** It must exist: `DELAYS_TABLE`. */
  delaysTable: 'flight_delays',
  /** File, folder or pattern. */
  input: 'functions/data/jan-departures.jsonl.gz',
  /** Each sink is a folder in here. */
  output: 'out/flight-delays',
  /** Lines a second; 0: as fast as it goes. */
  throttle: 0,
  epochMs: 250,
  /** `auto`, `fused` or `fanned-out`; `--epoch-mode` wins. */
  epochMode: 'auto',
  /** `--parallelism` wins. */
  parallelism: 1,
};

/** Behind `CREATE TABLE name`, for PostgreSQL. */
export const DELAYS_TABLE = `(
  airport TEXT, window_start TIMESTAMPTZ, window_end TIMESTAMPTZ NOT NULL, scheduled INT NOT NULL, departed INT NOT NULL,
  mean_delay NUMERIC(8, 2), p95_delay INT, cancelled_share NUMERIC(5, 4) NOT NULL, PRIMARY KEY (airport, window_start)
)`;

export const job = defineJob({
  name: 'flight-delays',
  config: settings,
  build(env, config) {
    env
      .enableCheckpointing(config.epochMs)
      .setParallelism(config.parallelism)
      .setEpochMode(oneOf('epochMode', config.epochMode, ['auto', 'fused', 'fanned-out']));
    const sink = sinksOf(config);

    const flights = env
      .fromSource(
        linesOf(config),
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
    hours
      .sinkTo(config.sink === 'kafka+jdbc' ? delaysTable(config) : sink('delays', (row) => row.airport))
      .name('delays')
      .uid('delays');

    const sessions = flights
      .filter((flight): flight is Flown => flight.tailnum !== null && flight.dep_delay !== null)
      .name('flown')
      .uid('flown')
      .keyBy('tailnum')
      .process(aircraftSessions.process)
      .name('sessions per aircraft')
      .uid('aircraft-sessions');
    sessions
      .sinkTo(sink('sessions', (row) => row.tailnum))
      .name('sessions')
      .uid('sessions');

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
      .sinkTo(sink('late', (row) => row.flight_id))
      .name('late')
      .uid('late');

    env.deadLetters().sinkTo(deadLettersOf(config)).name('dead letters').uid('dead-letters');
  },
});

type Settings = Config<typeof settings>;

/** What `millrace run` prints when the job has finished. */
export const report = async (_result: JobExecutionResult, config: Settings): Promise<string> =>
  config.sink === 'files'
    ? await flightReport(config.output)
    : config.sink === 'kafka'
      ? `Rows go to the topics ${config.outputTopic}-delays, -sessions, -late and -dead-letters.\n`
      : `Rows go to the table ${config.delaysTable} and to the topics ${config.outputTopic}-sessions, -late and -dead-letters.\n`;

function linesOf(config: Settings): Source<RowOf<typeof departures>> {
  const format = jsonLines(departures);
  if (oneOf('source', config.source, ['files', 'kafka']) === 'kafka') return topicSource(config, format);
  const lines = FileSource.forRecordStreamFormat(format, config.input);
  return (config.throttle > 0 ? lines.throttle(config.throttle) : lines).build();
}

function sinksOf(config: Settings): <T>(name: string, key: (row: T) => string) => Sink<T> {
  if (oneOf('sink', config.sink, ['files', 'kafka', 'kafka+jdbc']) === 'files') return (name) => fileSink(config, name);
  return (name, key) => topicSink(config, { topic: `${config.outputTopic}-${name}`, key, value: jsonEncoder() });
}

function deadLettersOf(config: Settings): Sink<DeadLetter> {
  if (config.sink === 'files') return fileSink(config, 'dead-letters');
  const topic = `${config.outputTopic}-dead-letters`;
  return topicSink(config, { ...deadLetterRecords(topic), topic });
}

/** Firings of an hour replace each other, in order: they are all of one key. */
function delaysTable({ jdbcUrl, jdbcUser, jdbcPassword, delaysTable: name }: Settings): Sink<AirportHourRow> {
  if (jdbcUrl === null)
    throw new ConfigError('sink=kafka+jdbc writes to a database: set jdbcUrl, jdbcUser and jdbcPassword.');
  let connection = new JdbcConnectionOptionsBuilder().withUrl(jdbcUrl);
  if (jdbcUser !== null) connection = connection.withUsername(jdbcUser);
  if (jdbcPassword !== null) connection = connection.withPassword(jdbcPassword);
  return JdbcSink.builder<AirportHourRow>()
    .withTable({
      name,
      columns: [
        'airport',
        'window_start',
        'window_end',
        'scheduled',
        'departed',
        'mean_delay',
        'p95_delay',
        'cancelled_share',
      ],
      keyFields: ['airport', 'window_start'],
    })
    .buildExactlyOnce(connection.build());
}

const fileSink = <T>(config: Settings, folder: string): Sink<T> =>
  FileSink.forRowFormat<T>(`${config.output}/${folder}`, jsonEncoder()).withFileSuffix('.jsonl').build();

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
