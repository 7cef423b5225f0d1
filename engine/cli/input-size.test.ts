import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { StreamExecutionEnvironment } from '../api/environment.ts';
import type { ReadRange } from '../checkpoint/records.ts';
import { DataGeneratorSource } from '../connectors/datagen/data-generator-source.ts';
import { FileSource } from '../connectors/files/file-source.ts';
import { textLines } from '../formats/text-lines.ts';
import type { Source } from '../ports/source.ts';
import { WatermarkStrategy } from '../time/watermark-strategy.ts';
import { fractionRead, inputSize, unpackedBytes, type InputSize } from './input-size.ts';

let folder = '';
const text = 'a line of text\n'.repeat(1000);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'input-size-'));
  await writeFile(join(folder, 'a.txt'), text);
  await writeFile(join(folder, 'b.txt.gz'), gzipSync(text));
});
afterAll(() => rm(folder, { recursive: true }));

function sizeOf<T>(source: Source<T>): Promise<InputSize> {
  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  env.fromSource(source, WatermarkStrategy.noWatermarks<T>(), 'in').uid('in').print();
  return inputSize(env.toJobGraph());
}
const files = (name: string): FileSource<string> =>
  FileSource.forRecordStreamFormat(textLines(), join(folder, name)).build();

it('knows the size of files, gzipped ones included, and of generators', async () => {
  expect([...(await sizeOf(files('a.txt')))!.values()]).toEqual([text.length]);
  expect([...(await sizeOf(files('b.txt.gz')))!.values()]).toEqual([text.length]);
  expect([...(await sizeOf(new DataGeneratorSource({ generator: (i) => i, count: 77 })))!]).toEqual([['in/g0of1', 77]]);
});

it('knows nothing of endless and of missing input', async () => {
  expect(await sizeOf(new DataGeneratorSource({ generator: (i) => i, count: Infinity }))).toBeNull();
  expect(fractionRead(await sizeOf(files('none.txt')), [])).toBeNull();
});

it('does not believe the trailer of a file of several members', async () => {
  await writeFile(join(folder, 'c.gz'), Buffer.concat([gzipSync(text), gzipSync('x')]));
  expect(unpackedBytes(join(folder, 'c.gz'))).toBeNaN();
});

it('says how much has been read', () => {
  const range = (id: string, to: number, ended = false): ReadRange => ({
    id,
    from: 0,
    to,
    state: { generators: {}, watermark: 0, idleSince: null, ended },
  });
  const size = new Map([
    ['a', 100],
    ['b', 300],
  ]);
  expect(fractionRead(size, [range('a', 100, true), range('b', 100)])).toBe(0.5);
  expect(fractionRead(size, [range('a', 7, true)])).toBe(0.25);
  expect(fractionRead(null, [range('a', 7)])).toBeNull();
});
