/** For tests: sources over the cluster in memory, and what their readers hand out. */
import { textLines } from '../../../formats/text-lines.ts';
import { wallTimeMs } from '../../../model/ids.ts';
import type { KnownSplits, SourceContext, SplitReader } from '../../../ports/source.ts';
import { FakeKafka } from './kafka-fixture.ts';
import { KafkaSource, type KafkaSourceBuilder } from './kafka-source.ts';
import { OffsetsInitializer } from './offsets-initializer.ts';

export const notices: string[] = [];
let passedMs = 0;
/** Time passes for the source. */
export function pass(ms: number): void {
  passedMs += ms;
}

export const ctx: SourceContext = {
  job: 'job',
  operator: 'orders',
  clock: {
    nowMs: () => wallTimeMs(passedMs),
    monotonicMs: () => passedMs + performance.now(),
    sleep: async () => undefined,
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  },
  log: null,
  blobs: null,
  notice: (text) => void notices.push(text),
};

export function builder(kafka: FakeKafka): KafkaSourceBuilder<string> {
  return KafkaSource.builder()
    .setBootstrapServers('nowhere:9092')
    .withClient(kafka.client)
    .setValueOnlyDeserializer(textLines());
}

export const latest = OffsetsInitializer.latest();
export const p0 = { topic: 't', partition: 0 };

export interface Read {
  readonly values: unknown[];
  readonly offsets: number[];
  readonly timestamps: number[];
  readonly bad: { readonly position: number; readonly raw: string }[];
  end: number;
  last: string;
}

/** Reads until 'empty' or 'end'. */
export async function drain(reader: SplitReader, to: number | null = null, maxRows = 100): Promise<Read> {
  const read: Read = { values: [], offsets: [], timestamps: [], bad: [], end: -1, last: '' };
  for (;;) {
    const batch = await reader.fill(maxRows, to);
    if (batch === 'empty' || batch === 'end') {
      read.last = batch;
      return read;
    }
    for (let i = 0; i < batch.n; i++) {
      if (batch.row !== null) batch.row.__i = i;
      read.values.push(batch.row === null ? batch.values![i] : batch.row.__copy());
      read.offsets.push(batch.positionOf(i));
      read.timestamps.push(batch.timestamps![i]!);
    }
    read.bad.push(...batch.bad.map(({ position, raw }) => ({ position, raw })));
    read.end = batch.endPosition;
    reader.release(batch);
  }
}

export async function open(source: KafkaSource<unknown>, known: KnownSplits = new Map()): Promise<SplitReader[]> {
  await source.validate(ctx);
  const splits = await source.discover(ctx, known);
  return await Promise.all(splits.map((split) => source.open(split, split.startPosition, ctx)));
}

export async function filled(values: readonly (string | null)[]): Promise<FakeKafka> {
  const kafka = new FakeKafka();
  kafka.create('t');
  await kafka.append(p0, values);
  return kafka;
}
