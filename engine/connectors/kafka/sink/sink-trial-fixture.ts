/** A sink's processes, each with a client of its own whose every call is two steps: publish, stamp, die. */
import { wallTimeMs } from '../../../model/ids.ts';
import type { Publication, SinkContext, SinkPublisher } from '../../../ports/sink.ts';
import type { KafkaClient } from '../client/kafka-client.ts';
import type { OnStep } from './fake-kafka-fixture.ts';
import { KafkaSink } from './kafka-sink.ts';
import type { RecordSerializer } from './serialization.ts';

export interface Row {
  readonly id: string;
}

export class TrialClock {
  ms = 0;
  nowMs = () => wallTimeMs(this.ms);
  monotonicMs = (): number => this.ms;
  sleep = async (): Promise<void> => undefined;
  after = (): (() => void) => () => undefined;
}

export const contextOf = (clock: TrialClock = new TrialClock(), job = 'job', sink = 'out'): SinkContext => ({
  job,
  sink,
  clock,
  log: null,
  blobs: null,
});

export const byId: RecordSerializer<Row> = { topic: 't', key: (row) => row.id, value: (row) => row.id };

/** What clients are of: a FakeKafka, or real brokers. */
export interface Cluster {
  client(onStep?: OnStep): KafkaClient;
}

export function sinkOn(
  cluster: Cluster,
  onStep?: OnStep,
  serializer: RecordSerializer<Row> = byId,
  prefix = 'pre',
): KafkaSink<Row> {
  return KafkaSink.builder()
    .withClient(async () => cluster.client(onStep))
    .setRecordSerializer(serializer)
    .setTransactionalIdPrefix(prefix)
    .build();
}

/** Brokers delete records with older times than retention.ms, sooner than a test may like. */
export const EVENT_TIME_MS = Date.now();

export function publicationOf<T>(
  sink: KafkaSink<T>,
  rows: readonly T[],
  at: { readonly run: string; readonly epoch: number; readonly slot?: number },
  ctx: SinkContext = contextOf(),
): Publication {
  const writer = sink.writer(ctx);
  writer.write(rows, new Float64Array(rows.length).fill(EVENT_TIME_MS), rows.length);
  const { chunks, records } = writer.take();
  return { slot: 0, ...at, chunks, records };
}

class Died extends Error {}

/** Disturbs at the `atStep`-th step, counted from 1; 0: never. */
export class TrialProcess {
  disturbedAt: string | null = null;
  failure: unknown = null;
  private dead = false;
  private steps = 0;
  private opened: SinkPublisher | null = null;
  private readonly sink: KafkaSink<Row>;
  private readonly ctx: SinkContext;
  private readonly atStep: number;
  private readonly disturb: (process: TrialProcess) => Promise<void>;

  /** `makeSink` makes it over a client that calls its steps. */
  constructor(
    makeSink: (onStep: OnStep) => KafkaSink<Row>,
    ctx: SinkContext,
    atStep = 0,
    disturb: (process: TrialProcess) => Promise<void> = async () => undefined,
  ) {
    this.sink = makeSink((step) => this.step(step));
    this.ctx = ctx;
    this.atStep = atStep;
    this.disturb = disturb;
  }

  die(): never {
    this.dead = true;
    throw new Died('the process died here');
  }

  /** Null: it threw, see `failure`. */
  async publish(publication: Publication): Promise<'published' | 'already' | null> {
    return await this.attempt(async () => await (await this.publisher()).publish(publication));
  }

  async stamp(run: string, epoch: number): Promise<boolean> {
    return (await this.attempt(async () => (await (await this.publisher()).stamp(run, epoch, 0), true))) ?? false;
  }

  async close(): Promise<void> {
    await this.opened?.close();
  }

  private async publisher(): Promise<SinkPublisher> {
    this.opened ??= await this.sink.publisher(this.ctx);
    return this.opened;
  }

  private async attempt<R>(act: () => Promise<R>): Promise<R | null> {
    this.failure = null;
    try {
      const answer = await act();
      return this.dead ? null : answer;
    } catch (thrown) {
      this.failure = thrown;
      return null;
    }
  }

  private async step(step: string): Promise<void> {
    if (this.dead) throw new Died('the process is dead');
    if (++this.steps !== this.atStep) return;
    this.disturbedAt = step;
    await this.disturb(this);
  }
}
