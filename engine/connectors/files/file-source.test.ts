import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { csvLines } from '../../formats/csv.ts';
import type { LineFormat } from '../../formats/decoder.ts';
import { jsonLines } from '../../formats/json-lines.ts';
import { schema, t } from '../../formats/schema.ts';
import { textLines } from '../../formats/text-lines.ts';
import { wallTimeMs } from '../../model/ids.ts';
import { MAX_RECORD_BYTES } from '../../model/limits.ts';
import type { SourceBatch } from '../../model/source-batch.ts';
import type { Source, SourceContext, SplitReader } from '../../ports/source.ts';
import { FileSource } from './file-source.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-files-'));
afterAll(() => rmSync(root, { recursive: true }));
let named = 0;
const fresh = (content: string | Buffer, suffix = '.txt'): string => {
  const path = join(root, `f${named++}${suffix}`);
  writeFileSync(path, content);
  return path;
};

let nowMs = 0;
const clock = {
  nowMs: () => wallTimeMs(nowMs),
  monotonicMs: () => nowMs,
  sleep: async (ms: number) => void (nowMs += ms),
  after: () => () => undefined,
};
const ctx: SourceContext = { job: 'job', operator: 'files', clock, log: null, blobs: null };

interface Row {
  readonly position: number;
  readonly value: unknown;
}

function rowsOf(batch: SourceBatch): Row[] {
  return Array.from({ length: batch.n }, (_, i) => {
    if (batch.row !== null) batch.row.__i = i;
    return { position: batch.positionOf(i), value: batch.row === null ? batch.values![i] : batch.row.__copy() };
  });
}

/** Rows until 'end' or 'empty'; keeps `alive` batches before it looks at them. */
async function drain(
  reader: SplitReader,
  maxRows: () => number,
  to: number | null = null,
  alive = 1,
): Promise<{ rows: Row[]; bad: number[]; end: number; last: string }> {
  const rows: Row[] = [];
  const bad: number[] = [];
  const held: SourceBatch[] = [];
  let end = 0;
  const look = (): void => {
    const batch = held.shift()!;
    rows.push(...rowsOf(batch));
    bad.push(...batch.bad.map((b) => b.position));
    reader.release(batch);
  };
  for (;;) {
    const asked = maxRows();
    const batch = await reader.fill(asked, to);
    if (typeof batch === 'string') {
      while (held.length > 0) look();
      return { rows, bad, end, last: batch };
    }
    expect(batch.n).toBeLessThanOrEqual(asked);
    end = batch.endPosition;
    held.push(batch);
    if (held.length >= alive) look();
  }
}

async function readAll(source: Source<unknown>): Promise<{ rows: Row[]; bad: number[]; id: string }[]> {
  await source.validate(ctx);
  const result = [];
  for (const split of await source.discover(ctx)) {
    const reader = await source.open(split, split.startPosition, ctx);
    const { rows, bad } = await drain(reader, () => 100);
    await reader.close();
    result.push({ rows, bad, id: split.id });
  }
  return result;
}

/** Lines of a text, at their byte offsets. */
function naiveLines(text: string): Row[] {
  const rows: Row[] = [];
  let position = 0;
  const lines = text.split('\n');
  lines.forEach((line, i) => {
    if (i < lines.length - 1 || line !== '') rows.push({ position, value: line.replace(/\r$/, '') });
    position += Buffer.byteLength(line) + 1;
  });
  return rows;
}

const lineText = fc.oneof(
  fc.constantFrom('', 'a', 'bb', 'é', '😀', 'x\r'),
  fc.string({ maxLength: 40 }).map((s) => s.replaceAll('\n', ' ')),
  fc.nat(30_000).map((n) => 'y'.repeat(n)),
);
const fileText = fc
  .tuple(fc.array(lineText, { maxLength: 30 }), fc.boolean())
  .map(([lines, closed]) => lines.join('\n') + (closed ? '\n' : ''));

describe('FileSource', () => {
  it('loses and doubles no row, whatever is asked, from every position', async () => {
    await fc.assert(
      fc.asyncProperty(
        fileText,
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 4 }),
        async (text, gz, sizes, alive) => {
          const path = gz ? fresh(gzipSync(text), '.gz') : fresh(text);
          const source = FileSource.forRecordStreamFormat(textLines(), path).build();
          const [split] = await source.discover(ctx);
          const expected = naiveLines(text);
          let k = 0;
          const maxRows = (): number => sizes[k++ % sizes.length]!;
          const whole = await drain(await source.open(split!, 0, ctx), maxRows, null, alive);
          expect(whole.rows).toEqual(expected);
          if (expected.length > 0) expect(whole.end).toBe(Buffer.byteLength(text));
          for (const [i, { position }] of expected.entries()) {
            const before = await drain(await source.open(split!, 0, ctx), maxRows, position, alive);
            expect(before).toMatchObject({ rows: expected.slice(0, i), last: 'end' });
            const after = await drain(await source.open(split!, position, ctx), maxRows, null, alive);
            expect(after.rows).toEqual(expected.slice(i));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('divides a file into ranges that hold each line once', async () => {
    await fc.assert(
      fc.asyncProperty(fileText, fc.integer({ min: 1, max: 5000 }), async (text, splitSize) => {
        const size = Buffer.byteLength(text);
        const source = FileSource.forRecordStreamFormat(textLines(), fresh(text))
          .splitSize(Math.max(splitSize, Math.ceil(size / 20)))
          .build();
        const all = (await readAll(source)).flatMap((s) => s.rows).sort((a, b) => a.position - b.position);
        expect(all).toEqual(naiveLines(text));
      }),
      { numRuns: 100 },
    );
  });

  it('reads lazy rows and JSON over many chunks, with several batches alive', async () => {
    const lines = Array.from(
      { length: 30_000 },
      (_, i) => `{"id":"id-${i}","n":${i}${i % 50 === 0 ? ',"pad":"é"' : ''}}`,
    );
    const path = fresh(lines.join('\n'));
    const formats: LineFormat<unknown>[] = [jsonLines(schema({ id: t.string(), n: t.int() })), jsonLines()];
    for (const format of formats) {
      const source = FileSource.forRecordStreamFormat(format, path).build();
      const [split] = await source.discover(ctx);
      const { rows } = await drain(await source.open(split!, 0, ctx), () => 700, null, 5);
      expect(rows.map((r) => (r.value as { n: number }).n)).toEqual(lines.map((_, i) => i));
      expect(rows.every((r, i) => (r.value as { id: string }).id === `id-${i}`)).toBe(true);
    }
  });

  it('skips a byte order mark, and takes CSV headers in every range', async () => {
    expect(
      (await readAll(FileSource.forRecordStreamFormat(textLines(), fresh('\uFEFFa\r\nb')).build()))[0]!.rows,
    ).toEqual([
      { position: 3, value: 'a' },
      { position: 6, value: 'b' },
    ]);
    const path = fresh(`\uFEFFn,id\r\n${Array.from({ length: 100 }, (_, i) => `${i},x${i}`).join('\r\n')}`, '.csv');
    const format = csvLines(schema({ id: t.string(), n: t.int() }));
    const splits = await readAll(FileSource.forRecordStreamFormat(format, path).splitSize(100).build());
    expect(splits.length).toBeGreaterThan(3);
    expect(
      splits
        .flatMap((s) => s.rows)
        .map((r) => (r.value as { n: number }).n)
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('rejects an overlong line by its length alone', async () => {
    const exact = 'x'.repeat(MAX_RECORD_BYTES);
    for (const tail of ['\nb\n', '\nb', '']) {
      const [split] = await readAll(
        FileSource.forRecordStreamFormat(textLines(), fresh(`a\n${exact}y${tail}`)).build(),
      );
      expect(split!.bad).toEqual([2]);
      expect(split!.rows.map((r) => r.value)).toEqual(tail === '' ? ['a'] : ['a', 'b']);
    }
    const [split] = await readAll(FileSource.forRecordStreamFormat(textLines(), fresh(`a\n${exact}\nb`)).build());
    expect(split!.rows.map((r) => (r.value as string).length)).toEqual([1, MAX_RECORD_BYTES, 1]);
  });

  it('watches: new files, growing files, a last line that waits', async () => {
    const directory = join(root, 'watched');
    mkdirSync(directory);
    const source = FileSource.forRecordStreamFormat(textLines(), directory).monitorContinuously(100).build();
    await source.validate(ctx);
    expect(source.bounded).toBe(false);
    expect(await source.discover(ctx)).toEqual([]);
    const path = join(directory, 'a b.txt');
    writeFileSync(path, 'one\ntw');
    expect(await source.discover(ctx)).toEqual([]);
    nowMs += 100;
    const [split] = await source.discover(ctx);
    expect(split!.id).toBe(`${directory}/a=20b.txt`);
    const reader = await source.open(split!, 0, ctx);
    expect(await drain(reader, () => 10)).toMatchObject({ rows: [{ position: 0, value: 'one' }], last: 'empty' });
    appendFileSync(path, 'o\nthree\n');
    expect(await reader.fill(10, null)).toBe('empty');
    nowMs += 100;
    expect(await drain(reader, () => 10)).toMatchObject({
      rows: [
        { position: 4, value: 'two' },
        { position: 8, value: 'three' },
      ],
      last: 'empty',
    });
    rmSync(path);
    nowMs += 100;
    expect(await reader.fill(10, null)).toBe('end');
  });

  it('waits for a header that is not complete', async () => {
    const path = fresh('id', '.csv');
    const source = FileSource.forRecordStreamFormat(csvLines(schema({ id: t.string() })), path)
      .monitorContinuously(0)
      .build();
    const [split] = await source.discover(ctx);
    const reader = await source.open(split!, 0, ctx);
    expect(await reader.fill(10, null)).toBe('empty');
    appendFileSync(path, '\nx\n');
    expect((await drain(reader, () => 10)).rows).toEqual([{ position: 3, value: { id: 'x' } }]);
  });

  it('throttles new rows, not repetitions', async () => {
    const source = FileSource.forRecordStreamFormat(textLines(), fresh('x\n'.repeat(500)))
      .throttle(100)
      .build();
    const [split] = await source.discover(ctx);
    const started = nowMs;
    const reader = await source.open(split!, 0, ctx);
    let rows = 0;
    for (let batch = await reader.fill(1000, null); batch !== 'end'; batch = await reader.fill(1000, null)) {
      if (batch !== 'empty') rows += batch.n;
    }
    expect(rows).toBe(500);
    expect(nowMs - started).toBeGreaterThanOrEqual(4900);
    expect(nowMs - started).toBeLessThan(6000);
    const again = await (await source.open(split!, 0, ctx)).fill(1000, 1000);
    expect((again as SourceBatch).n).toBe(500);
  });

  it('says what to change', async () => {
    await expect(
      FileSource.forRecordStreamFormat(textLines(), join(root, 'none/*.x')).build().validate(ctx),
    ).rejects.toThrow(/matches no file .*Correct the path/);
    expect(() =>
      FileSource.forRecordStreamFormat(textLines(), root).splitSize(10).monitorContinuously(1).build(),
    ).toThrow('exclude each other');
    const source = FileSource.forRecordStreamFormat(textLines(), fresh('abc')).build();
    const [split] = await source.discover(ctx);
    await expect(async () => (await source.open(split!, 10, ctx)).fill(1, null)).rejects.toThrow(
      'it was cut or replaced',
    );
    const gz = FileSource.forRecordStreamFormat(
      textLines(),
      fresh(gzipSync('a\n'.repeat(1000)).subarray(0, 20), '.gz'),
    ).build();
    const [torn] = await gz.discover(ctx);
    const reader = await gz.open(torn!, 0, ctx);
    await expect(drain(reader, () => 100)).rejects.toThrow('not a complete gz file');
  });

  it('finds files by directory and pattern, each once, no hidden ones', async () => {
    const directory = join(root, 'many');
    mkdirSync(join(directory, 'sub'), { recursive: true });
    for (const name of ['b.txt', 'a.txt', '.hidden', '_tmp', 'sub/c.txt']) writeFileSync(join(directory, name), 'x\n');
    const ids = async (...patterns: string[]): Promise<string[]> =>
      (
        await FileSource.forRecordStreamFormat(textLines(), ...patterns)
          .build()
          .discover(ctx)
      ).map((s) => s.id.slice(directory.length + 1));
    expect(await ids(directory)).toEqual(['a.txt', 'b.txt', 'sub/c.txt']);
    expect(await ids(join(directory, '*.txt'), directory)).toEqual(['a.txt', 'b.txt', 'sub/c.txt']);
  });
});
