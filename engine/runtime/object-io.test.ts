import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { ObjectRef } from '../checkpoint/records.ts';
import { MemoryBlobStore } from '../embedded/memory-blob-store.ts';
import { CorruptionError } from '../model/errors.ts';
import { attemptId, type Epoch, type Generation, type RunId } from '../model/ids.ts';
import { ObjectIo } from './object-io.ts';

const of = {
  job: 'j',
  run: 'r' as RunId,
  epoch: 1 as Epoch,
  generation: 2 as Generation,
  stage: 'fused',
  subtask: 0,
  attempt: attemptId('a'),
};

class Tiered extends MemoryBlobStore {
  readonly inlineBytes = 100;
  readonly smallBytes = 3000;
}

const rows = (n: number): Uint8Array => Buffer.from('{"customer":"c-1","cents":100}\n'.repeat(n));
const nameOf = (ref: ObjectRef): string => ('blob' in ref ? ref.blob : 'inline');

test('where small objects cost less, what is small or can be made so is named so', async () => {
  const blobs = new Tiered();
  const io = new ObjectIo(blobs, of);
  const written: [string, Uint8Array][] = [
    ['inline', rows(2)],
    ['plain', rows(10)],
    ['packed', rows(60)],
    ['large-packed', rows(1000)],
    ['noise', randomBytes(2000)],
    ['large-noise', randomBytes(4000)],
    ['larger', rows(2000)],
  ];
  const refs = new Map<string, ObjectRef>();
  for (const [what, bytes] of written) refs.set(what, await io.write(what, [bytes.subarray(0, 7), bytes.subarray(7)]));
  const kinds = [...refs].map(([what, ref]) => [what, nameOf(ref).endsWith('.small'), 'packed' in ref]);
  expect(kinds).toEqual([
    ['inline', false, false],
    ['plain', true, false],
    ['packed', true, true],
    ['large-packed', true, true],
    ['noise', true, false],
    ['large-noise', false, false],
    ['larger', false, false],
  ]);
  for (const { name, size } of await blobs.list(''))
    expect(name.endsWith('.small'), name).toBe(size <= blobs.smallBytes);
  for (const [what, bytes] of written) {
    const ref = refs.get(what)!;
    expect(ref.bytes).toBe(bytes.length);
    expect(Buffer.compare(await io.read(ref), bytes), what).toBe(0);
    expect(Buffer.compare(await io.readRange(ref, 5, 50), bytes.subarray(5, 50)), what).toBe(0);
  }
});

test('where size makes no difference, nothing is packed', async () => {
  const io = new ObjectIo(new MemoryBlobStore(), of);
  for (const n of [60, 100, 1000]) {
    const ref = await io.write(`n${n}`, [rows(n)]);
    expect([nameOf(ref).endsWith('.small'), 'packed' in ref]).toEqual([false, false]);
  }
});

test('a packed object that is damaged is refused by name', async () => {
  const blobs = new Tiered();
  const ref = await new ObjectIo(blobs, of).write('x', [rows(60)]);
  const bytes = (await blobs.read(nameOf(ref)))!;
  bytes[bytes.length - 1]! ^= 1;
  const damaged = new Tiered();
  await damaged.create(nameOf(ref), [bytes]);
  const read = new ObjectIo(damaged, null).read(ref);
  await expect(read).rejects.toThrow(CorruptionError);
  await expect(read).rejects.toThrow(/x\.small is damaged/);
});
