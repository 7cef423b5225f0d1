import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { jsonEncoder, textEncoder } from '../../formats/encoder.ts';
import { wallTimeMs } from '../../model/ids.ts';
import type { Publication, SinkContext } from '../../ports/sink.ts';
import { FileSink } from './file-sink.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-sink-'));
afterAll(() => rmSync(root, { recursive: true }));
const clock = {
  nowMs: () => wallTimeMs(0),
  monotonicMs: () => 0,
  sleep: async () => undefined,
  after: () => () => undefined,
};
const ctx: SinkContext = { job: 'job', sink: 'out', clock, log: null, blobs: null };
const publication = (epoch: number, chunks: readonly Uint8Array[], slot = 0): Publication => ({
  run: 'r1',
  epoch,
  slot,
  records: 1,
  chunks,
});

it('publishes an epoch as one file, once', async () => {
  const dir = join(root, 'plain');
  const sink = FileSink.forRowFormat(dir, jsonEncoder()).withFilePrefix('o').withFileSuffix('.jsonl').build();
  await sink.validate(ctx);
  const writer = sink.writer();
  const rows = Array.from({ length: 100_000 }, (_, i) => ({ i, text: i % 10 === 0 ? '€😀' : 'plain' }));
  writer.write(rows, new Float64Array(rows.length), rows.length);
  const expected = rows.map((r) => `${JSON.stringify(r)}\n`).join('');
  expect(writer.bytes).toBe(Buffer.byteLength(expected));
  const staged = writer.take();
  expect(staged.records).toBe(rows.length);
  expect(writer.take()).toEqual({ chunks: [], records: 0 });
  const publisher = await sink.publisher();
  writeFileSync(join(dir, '.o-r1-e0000000003-s0.jsonl.0123456789ab.tmp'), 'left over');
  writeFileSync(join(dir, '.o-r1-e0000000003-s1.jsonl.0123456789ab.tmp'), 'of another slot');
  expect(await publisher.publish(publication(7, staged.chunks))).toBe('published');
  expect(await publisher.publish(publication(7, [Buffer.concat(staged.chunks)]))).toBe('already');
  await expect(publisher.publish(publication(7, [Buffer.from('other')]))).rejects.toThrow('exists with other content');
  expect(await publisher.publish(publication(8, []))).toBe('published');
  await publisher.stamp('r2', 8, 0);
  expect(readdirSync(dir)).toEqual(['.o-r1-e0000000003-s1.jsonl.0123456789ab.tmp', 'o-r1-e0000000007-s0.jsonl']);
  expect(readFileSync(join(dir, 'o-r1-e0000000007-s0.jsonl'), 'utf8')).toBe(expected);
});

it('publishes a file per bucket, however the staged bytes were cut', async () => {
  const dir = join(root, 'buckets');
  const sink = FileSink.forRowFormat(dir, textEncoder())
    .withBucketAssigner((value, ts) => `k=${value[0]}/t=${ts}`)
    .build();
  const writer = sink.writer();
  writer.write(['b1', 'a1', 'b2'], Float64Array.of(1, 1, 1), 3);
  const first = writer.take();
  writer.write(['b3'], Float64Array.of(1), 1);
  const bytes = Buffer.concat([...first.chunks, ...writer.take().chunks]);
  const publisher = await sink.publisher();
  const chunks = Array.from({ length: Math.ceil(bytes.length / 5) }, (_, i) => bytes.subarray(i * 5, i * 5 + 5));
  expect(await publisher.publish(publication(1, chunks, 2))).toBe('published');
  expect(await publisher.publish(publication(1, chunks, 2))).toBe('already');
  expect(readFileSync(join(dir, 'k=a/t=1/part-r1-e0000000001-s2'), 'utf8')).toBe('a1\n');
  expect(readFileSync(join(dir, 'k=b/t=1/part-r1-e0000000001-s2'), 'utf8')).toBe('b1\nb2\nb3\n');
});

it('names the row that failed, and forgets on discard', () => {
  const writer = FileSink.forRowFormat(join(root, 'x'), textEncoder()).build().writer();
  expect(() => writer.write(['a', 'b\n', 'c'], new Float64Array(3), 3)).toThrow('line break');
  expect(writer.failedRow).toBe(1);
  writer.discard();
  expect(writer.take().chunks).toEqual([]);
  const escaping = FileSink.forRowFormat(join(root, 'x'), textEncoder())
    .withBucketAssigner(() => '../up')
    .build()
    .writer();
  expect(() => escaping.write(['a'], new Float64Array(1), 1)).toThrow('expected a relative path');
});

it('cuts a bucket into files of limited size, by rows alone', async () => {
  const dir = join(root, 'parts');
  const sink = FileSink.forRowFormat(dir, textEncoder())
    .withFileSuffix('.txt')
    .withBucketAssigner((value) => `k=${value[0]}`)
    .withMaxPartBytes(10)
    .build();
  const writer = sink.writer();
  writer.write(['a€€', 'b', 'a12', 'a'.repeat(40), 'a5', 'a6', 'a7', 'a8'], new Float64Array(8), 8);
  const staged = writer.take();
  expect(staged.records).toBe(8);
  expect(writer.bytes).toBe(0);
  const bytes = Buffer.concat(staged.chunks);
  const chunks = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) => bytes.subarray(i * 7, i * 7 + 7));
  const publisher = await sink.publisher();
  const left = join(dir, 'k=a', '.part-r1-e0000000001-s2-p0.txt.0123456789ab.tmp');
  mkdirSync(join(dir, 'k=a'), { recursive: true });
  writeFileSync(left, 'left over');
  expect(await publisher.publish(publication(1, chunks, 2))).toBe('published');
  expect(await publisher.publish(publication(1, chunks, 2))).toBe('already');
  const content = (bucket: string): string[] =>
    readdirSync(join(dir, bucket)).map((name) => `${name}: ${readFileSync(join(dir, bucket, name), 'utf8')}`);
  expect(content('k=a')).toEqual([
    'part-r1-e0000000001-s2-p0.txt: a€€\n',
    'part-r1-e0000000001-s2-p1.txt: a12\n',
    `part-r1-e0000000001-s2-p2.txt: ${'a'.repeat(40)}\n`,
    'part-r1-e0000000001-s2-p3.txt: a5\na6\na7\n',
    'part-r1-e0000000001-s2-p4.txt: a8\n',
  ]);
  expect(content('k=b')).toEqual(['part-r1-e0000000001-s2-p0.txt: b\n']);
});

it('refuses commits of partitions that no one can tell the end of', () => {
  const builder = FileSink.forRowFormat(join(root, 'x'), textEncoder()).withPartitionCommit();
  expect(() => builder.build()).toThrow('call withBucketAssigner');
  expect(() => builder.withBucketAssigner(() => 'k=1').build()).toThrow('needs buckets that say when they end');
  expect(() => builder.withPartitionCommit({ successFile: 'done' })).toThrow('begins with "_"');
  expect(() => builder.withPartitionCommit({ trigger: 'x' as never })).toThrow('no trigger "x"');
  expect(() => builder.withMaxPartBytes(0)).toThrow('at least 1');
});
