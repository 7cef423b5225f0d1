import { expect, it } from 'vitest';
import { jsonLines } from '../../formats/json-lines.ts';
import { schema, t } from '../../formats/schema.ts';
import { textLines } from '../../formats/text-lines.ts';
import { wallTimeMs } from '../../model/ids.ts';
import { NO_TIMESTAMP } from '../../model/watermark.ts';
import type { AppendMarker, Log, LogRecord, NewLogRecord } from '../../ports/log.ts';
import type { SourceBatch } from '../../model/source-batch.ts';
import type { SinkContext } from '../../ports/sink.ts';
import type { Source, SourceContext } from '../../ports/source.ts';
import { LogSink } from './log-sink.ts';
import { LogSource } from './log-source.ts';
import { OffsetsInitializer } from './offsets-initializer.ts';
import { readRecords, RecordFrames } from './record-frames.ts';

/** The port in memory, as little as these tests need. */
class TinyLog implements Log {
  readonly records = new Map<string, LogRecord[]>();
  readonly markers = new Map<string, AppendMarker>();
  topics = async () => {
    const names = new Map<string, number>();
    for (const id of this.records.keys())
      names.set(id.replace(/-\d+$/, ''), (names.get(id.replace(/-\d+$/, '')) ?? 0) + 1);
    return [...names].map(([name, partitions]) => ({ name, partitions }));
  };
  createTopic = async (name: string, partitions: number) => {
    for (let p = 0; p < partitions; p++) this.records.set(`${name}-${p}`, this.records.get(`${name}-${p}`) ?? []);
    return 'created' as const;
  };
  deleteTopic = async () => undefined;
  offsets = async (topic: string, p: number) => ({ earliest: 0, latest: this.records.get(`${topic}-${p}`)!.length });
  offsetForTime = async (topic: string, p: number, ms: number) =>
    this.records.get(`${topic}-${p}`)!.filter((r) => r.timestamp < ms).length;
  fetch = async (topic: string, p: number, from: number, to: number) =>
    this.records.get(`${topic}-${p}`)!.slice(from, Math.min(to, from + 7));
  append = async (
    batches: readonly { topic: string; partition: number; records: readonly NewLogRecord[] }[],
    marker?: AppendMarker,
  ) => {
    for (const b of batches) {
      const list = this.records.get(`${b.topic}-${b.partition}`)!;
      for (const r of b.records) list.push({ headers: [], ...r, offset: list.length });
    }
    if (marker) this.markers.set(marker.producer, marker);
  };
  lastMarker = async (producer: string) => this.markers.get(producer) ?? null;
  stamp = async (marker: AppendMarker) => void this.markers.set(marker.producer, marker);
  retain = async () => undefined;
  close = async () => undefined;
}

const clock = {
  nowMs: () => wallTimeMs(99),
  monotonicMs: () => 0,
  sleep: async () => undefined,
  after: () => () => undefined,
};
const contexts = (log: Log | null): SourceContext & SinkContext => ({
  job: 'job',
  operator: 'src',
  sink: 'snk',
  clock,
  log,
  blobs: null,
});

async function readAll(
  source: Source<unknown>,
  log: Log,
  to: number | null = null,
  from: number | null = null,
): Promise<{ values: unknown[]; bad: number[]; timestamps: number[] }> {
  const ctx = contexts(log);
  await source.validate(ctx);
  const result = { values: [] as unknown[], bad: [] as number[], timestamps: [] as number[] };
  for (const split of await source.discover(ctx)) {
    const reader = await source.open(split, from ?? split.startPosition, ctx);
    for (let b = await reader.fill(3, to); b !== 'end' && b !== 'empty'; b = await reader.fill(3, to)) {
      const batch: SourceBatch = b;
      result.values.push(...batch.values!);
      result.timestamps.push(...batch.timestamps!);
      result.bad.push(...batch.bad.map((x) => x.position));
    }
  }
  return result;
}

async function filled(): Promise<TinyLog> {
  const log = new TinyLog();
  await log.createTopic('in', 1);
  const values = [
    '{"id":"a"}',
    '{"id":5}',
    null,
    'x',
    '{"id":"b","z":1}',
    ...Array.from({ length: 20 }, (_, i) => `{"id":"n${i}"}`),
  ];
  await log.append([
    {
      topic: 'in',
      partition: 0,
      records: values.map((v, i) => ({ timestamp: i * 10, key: null, value: v === null ? null : Buffer.from(v) })),
    },
  ]);
  return log;
}

it('reads values with a schema; bad records and tombstones at their place', async () => {
  const source = LogSource.builder()
    .setTopics('in')
    .setBounded(OffsetsInitializer.latest())
    .setValueOnlyDeserializer(jsonLines(schema({ id: t.string() })))
    .build();
  const all = await readAll(source, await filled());
  expect(all.values.slice(0, 3)).toEqual([{ id: 'a' }, { id: 'b' }, { id: 'n0' }]);
  expect(all.values).toHaveLength(22);
  expect(all.bad).toEqual([1, 3]);
  expect(all.timestamps.slice(0, 2)).toEqual([0, 40]);
});

it('loses and doubles nothing when cut anywhere', async () => {
  const log = await filled();
  const source = LogSource.builder()
    .setTopics('in')
    .setBounded(OffsetsInitializer.latest())
    .setDeserializer((r) => r.offset)
    .build();
  for (let cut = 0; cut <= 25; cut++) {
    const parts = [...(await readAll(source, log, cut, 0)).values, ...(await readAll(source, log, null, cut)).values];
    expect(parts).toEqual(Array.from({ length: 25 }, (_, i) => i));
  }
});

it('starts where it is told; new partitions from their beginning', async () => {
  const log = await filled();
  const starts = async (offsets: OffsetsInitializer): Promise<number[]> =>
    (
      await LogSource.builder()
        .setTopics('in')
        .setStartingOffsets(offsets)
        .setValueOnlyDeserializer(textLines())
        .build()
        .discover(contexts(log))
    ).map((s) => s.startPosition);
  expect(await starts(OffsetsInitializer.latest())).toEqual([25]);
  expect(await starts(OffsetsInitializer.timestamp(35))).toEqual([4]);
  expect(await starts(OffsetsInitializer.offsets({ 'in-0': 3 }))).toEqual([3]);
  const source = LogSource.builder()
    .setTopics('in')
    .setStartingOffsets(OffsetsInitializer.latest())
    .setValueOnlyDeserializer(textLines())
    .build();
  expect(await source.discover(contexts(log))).toEqual([{ id: 'in-0', startPosition: 25 }]);
  await log.createTopic('in', 2);
  expect(await source.discover(contexts(log))).toEqual([
    { id: 'in-0', startPosition: 25 },
    { id: 'in-1', startPosition: 0 },
  ]);
});

it('says what is missing', async () => {
  const source = LogSource.builder().setTopics('none').setValueOnlyDeserializer(textLines()).build();
  await expect(source.validate(contexts(await filled()))).rejects.toThrow('there is no topic "none"');
  await expect(source.validate(contexts(null))).rejects.toThrow('the job has none');
  expect(() => LogSource.builder().setTopics('a').build()).toThrow('has no deserializer');
});

it('appends an epoch once, by its marker', async () => {
  const log = new TinyLog();
  await log.createTopic('out', 3);
  const ctx = contexts(log);
  const sink = LogSink.builder<{ k: string | null; v: number }>()
    .setTopic('out')
    .setRecordSerializer({ key: (r) => r.k, value: (r) => String(r.v), headers: (r) => ({ h: `${r.v}` }) })
    .build();
  await sink.validate(ctx);
  const writer = sink.writer(ctx);
  writer.write(
    [
      { k: 'a', v: 1 },
      { k: null, v: 2 },
      { k: 'a', v: 3 },
    ],
    Float64Array.of(5, NO_TIMESTAMP, 7),
    3,
  );
  const { chunks, records } = writer.take();
  const publisher = await sink.publisher(ctx);
  await publisher.stamp('r1', 0, 1);
  expect(await publisher.publish({ run: 'r1', epoch: 4, slot: 1, records, chunks })).toBe('published');
  expect(await publisher.publish({ run: 'r1', epoch: 4, slot: 1, records, chunks })).toBe('already');
  await expect(publisher.publish({ run: 'r2', epoch: 5, slot: 1, records, chunks })).rejects.toThrow(
    'belongs to the older run r1',
  );
  await expect(publisher.publish({ run: 'r1', epoch: 4, slot: 2, records, chunks })).rejects.toThrow('is gone');
  await publisher.stamp('r2', 4, 1);
  await expect(publisher.publish({ run: 'r1', epoch: 9, slot: 1, records, chunks })).rejects.toThrow('newer run r2');
  await expect(publisher.stamp('r1', 9, 1)).rejects.toThrow('newer run r2');
  expect(await publisher.publish({ run: 'r2', epoch: 4, slot: 1, records, chunks })).toBe('already');
  const written = [...log.records.values()].flat();
  expect(written).toHaveLength(3);
  expect(log.records.get('out-1')!.some((r) => r.key === null && r.timestamp === 99)).toBe(true);
  const keyed = [...log.records.values()]
    .find((list) => list.some((r) => r.key !== null))!
    .filter((r) => r.key !== null);
  expect(
    keyed.map((r) => [
      Buffer.from(r.value!).toString(),
      r.timestamp,
      r.headers.map(([n, v]) => `${n}=${Buffer.from(v).toString()}`),
    ]),
  ).toEqual([
    ['1', 5, ['h=1']],
    ['3', 7, ['h=3']],
  ]);
});

it('frames records of any size, however they are cut', () => {
  const frames = new RecordFrames();
  const records = Array.from({ length: 300 }, (_, i) => ({
    topic: `t${i % 3}`,
    timestamp: i,
    key: i % 2 === 0 ? null : Buffer.alloc(i, 'k'),
    value: i % 5 === 0 ? null : Buffer.alloc(i * 37, 'v'),
    headers: i % 7 === 0 ? [['n', Buffer.from('x')] as const] : [],
  }));
  for (const r of records) frames.add(r);
  const size = frames.bytes;
  const bytes = Buffer.concat(frames.take());
  expect(bytes.length).toBe(size);
  expect(readRecords([bytes.subarray(0, 1000), bytes.subarray(1000)])).toEqual(records);
  expect(() => readRecords([bytes.subarray(0, bytes.length - 1)])).toThrow('ends inside a record');
});
