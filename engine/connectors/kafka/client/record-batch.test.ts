/** Encoder and decoder of record batches: round trips, transactions against a naive reader, logs after compaction, damage of any byte. */
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError, CorruptionError } from '../../../model/errors.ts';
import { loadCodec } from './compression.ts';
import { crc32c } from './crc32c.ts';
import type { NewKafkaRecord } from './kafka-client.ts';
import { RecordDecoder } from './record-batch-decoder.ts';
import {
  anyCompression,
  anyRecords,
  batchAt,
  type DecodedRecord,
  expectedRows,
  markerAt,
  NOBODY,
  rewritten,
  rowsOf,
  withLastOffsetDelta,
} from './record-batch-fixture.ts';
import {
  ATTRIBUTES,
  COUNT,
  LENGTH,
  LENGTH_STARTS,
  LOG_APPEND_TIME,
  MAGIC,
  MAX_TIMESTAMP,
  RECORDS,
} from './record-batch-format.ts';
import type { AbortedTransaction } from './record-set.ts';

const where = { topic: 'orders', partition: 3 };
const record = (value: string, headers: NewKafkaRecord['headers'] = []): NewKafkaRecord => ({
  timestamp: 1_700_000_000_000,
  key: null,
  value: Buffer.from(value),
  headers,
});

async function read(
  bytes: Uint8Array,
  from = 0,
  aborted: readonly AbortedTransaction[] | null = null,
): Promise<{ rows: DecodedRecord[]; next: number }> {
  const columns = await new RecordDecoder(where).decode({ bytes, aborted }, from);
  return { rows: rowsOf(columns), next: columns.nextOffset };
}
const texts = (rows: readonly DecodedRecord[]): string[] =>
  rows.map(({ value }) => Buffer.from(value!, 'hex').toString());

describe('crc32c', () => {
  it('answers the check values of RFC 3720, at any place', () => {
    expect(crc32c(Buffer.from('xx123456789x'), 2, 11)).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32), 0, 32)).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(255), 0, 32)).toBe(0x62a8ab43);
  });
});

describe('record batches', () => {
  it('come back as they were written, in every compression', async () => {
    await fc.assert(
      fc.asyncProperty(anyRecords, anyCompression, fc.nat({ max: 2 ** 40 }), async (records, compression, offset) => {
        const bytes = await batchAt(offset, records, compression);
        expect(await read(bytes, offset)).toEqual({
          rows: expectedRows(records, offset),
          next: offset + records.length,
        });
      }),
      { numRuns: 200 },
    );
  });

  it('come back from one set in one go, from any offset on, with the decoder and its columns used again', async () => {
    const decoder = new RecordDecoder(where);
    const anyBatches = fc.array(fc.tuple(anyRecords, anyCompression), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(anyBatches, fc.nat({ max: 30 }), async (batches, from) => {
        const pieces: Uint8Array[] = [];
        const expected: DecodedRecord[] = [];
        let offset = 0;
        for (const [records, compression] of batches) {
          pieces.push(await batchAt(offset, records, compression));
          expected.push(...expectedRows(records, offset));
          offset += records.length;
        }
        const columns = await decoder.decode({ bytes: Buffer.concat(pieces), aborted: null }, from);
        expect(rowsOf(columns)).toEqual(expected.filter((row) => row.offset >= from));
        expect(columns.nextOffset).toBe(Math.max(from, offset));
      }),
    );
  });

  it('hold more records than the columns had room for', async () => {
    const records = Array.from({ length: 5000 }, (_, i) => record(`r${i}`));
    const { rows } = await read(await batchAt(7, records, 'gzip'), 7);
    expect([rows.length, rows[4999]?.offset, texts(rows)[4999]]).toEqual([5000, 5006, 'r4999']);
  });

  it('are read whatever framing snappy has: raw, or xerial as Java writes it', async () => {
    const plain = await batchAt(0, [record('snappy'), record('twice')]);
    const { compress } = await loadCodec('snappy');
    const half = Math.floor((plain.length - RECORDS) / 2);
    const blocks = [plain.subarray(RECORDS, RECORDS + half), plain.subarray(RECORDS + half)].map(compress);
    const framed = Buffer.concat([
      Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]),
      ...blocks.flatMap((block) => [int32(block.length), block]),
    ]);
    for (const records of [framed, compress(plain.subarray(RECORDS))]) {
      const batch = Buffer.concat([plain.subarray(0, RECORDS), records]);
      batch.writeInt32BE(batch.length - 12, 8);
      const snappy = rewritten(batch, (view) => view.setInt16(ATTRIBUTES, 2));
      expect(texts((await read(snappy)).rows)).toEqual(['snappy', 'twice']);
    }
  });

  it('that hold much more than they take are read in several goes', async () => {
    const large = record('x'.repeat(20_000_000));
    const batches = [
      await batchAt(0, [large], 'zstd'),
      await batchAt(1, [large], 'zstd'),
      await batchAt(2, [large], 'zstd'),
    ];
    const set = { bytes: Buffer.concat(batches), aborted: null };
    const decoder = new RecordDecoder(where);
    const first = await decoder.decode(set, 0);
    expect([first.n, first.nextOffset]).toEqual([2, 2]);
    const second = await decoder.decode(set, 2);
    expect([second.n, second.nextOffset]).toEqual([1, 3]);
  });

  it('carry the append time where the topic says so', async () => {
    const batch = rewritten(await batchAt(0, [record('a'), record('b')]), (view) => {
      view.setInt16(ATTRIBUTES, LOG_APPEND_TIME);
      view.setBigInt64(MAX_TIMESTAMP, 1_800_000_000_123n);
    });
    const { rows } = await read(batch);
    expect(rows.map(({ timestamp }) => timestamp)).toEqual([1_800_000_000_123, 1_800_000_000_123]);
  });
});

describe('logs', () => {
  it('after compaction: gaps within and between batches, batches that lost their records', async () => {
    const emptied = rewritten((await batchAt(10, [record('gone')])).slice(0, RECORDS), (view) => {
      view.setInt32(8, RECORDS - 12);
      view.setInt32(COUNT, 0);
    });
    const log = Buffer.concat([
      withLastOffsetDelta(await batchAt(0, [record('a'), record('b')]), 5),
      withLastOffsetDelta(emptied, 3),
      await batchAt(20, [record('c')]),
    ]);
    const { rows, next } = await read(log);
    expect([rows.map(({ offset }) => offset), next]).toEqual([[0, 1, 20], 21]);
    expect((await read(log.subarray(0, -1))).next).toBe(14);
  });

  it('cut off at any byte: whole batches count, the first is always whole', async () => {
    const first = await batchAt(0, [record('a'), record('b')], 'lz4');
    const log = Buffer.concat([first, await batchAt(2, [record('c')])]);
    expect(await read(new Uint8Array(), 5)).toEqual({ rows: [], next: 5 });
    for (let cut = 1; cut < log.length; cut++) {
      const reading = read(log.subarray(0, cut));
      if (cut < first.length) await expect(reading).rejects.toThrow(CorruptionError);
      else expect(await reading).toMatchObject({ next: 2 });
    }
  });

  it('with transactions: read_committed is what a naive reader keeps', async () => {
    const anyStep = fc.record({
      producer: fc.nat({ max: 2 }),
      step: fc.constantFrom('write', 'write', 'abort', 'commit'),
    });
    const anyLog = fc.tuple(
      fc.array(anyStep, { minLength: 5, maxLength: 30 }),
      fc.constantFrom(null, 'abort', 'commit'),
    );
    await fc.assert(
      fc.asyncProperty(anyLog, fc.nat({ max: 15 }), async ([begun, closing], from) => {
        const steps =
          closing === null ? begun : [...begun, ...[0, 1, 2].map((producer) => ({ producer, step: closing }))];
        const { pieces, aborted, open, committed } = await transactionLog(steps);
        // The broker ends a read_committed answer at the first open transaction, and lists what aborted it overlaps.
        const end = Math.min(pieces.length, ...open.values());
        const bytes = Buffer.concat(pieces.slice(from, Math.max(from, end)));
        const overlapping = aborted.filter(({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset < end);
        const { rows, next } = await read(bytes, from, overlapping.toReversed());
        expect(rows.map(({ offset }) => offset)).toEqual(committed.filter((offset) => offset >= from && offset < end));
        expect(next).toBe(Math.max(from, end));
        const all = await read(bytes, from, null);
        expect(all.rows.length).toBe(
          pieces.slice(from, Math.max(from, end)).filter((_, i) => !isMarker(steps, from + i)).length,
        );
      }),
    );
  });
});

describe('damage', () => {
  it('of any bit that the checksum covers is found', async () => {
    const batch = await batchAt(0, [record('abc', [['h', Buffer.from('x')]]), record('d')]);
    for (let bit = 8 * (MAGIC + 1); bit < 8 * batch.length; bit++) {
      const damaged = batch.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      await expect(read(damaged)).rejects.toThrow(
        /record batch at offset 0 of topic orders, partition 3 is damaged: its checksum/,
      );
    }
  });

  it('of offset, length or format ends in an error, or in what a batch at another place would be', async () => {
    const log = Buffer.concat([await batchAt(0, [record('a'), record('b')]), await batchAt(2, [record('c')])]);
    for (let bit = 0; bit < 8 * (MAGIC + 1); bit++) {
      const damaged = Buffer.from(log);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      const outcome = await read(damaged).catch((error: unknown) => error);
      if (outcome instanceof Error) expect([CorruptionError, ConfigError]).toContain(outcome.constructor);
      else expect(bit >= 8 * 12 && bit < 8 * MAGIC).toBe(true);
    }
  });

  it('that the checksum does not show: random records never hang the decoder, and what it takes fits exactly', async () => {
    const header = (await batchAt(0, [record('x')])).slice(0, RECORDS);
    const anyBatch = fc.record({
      body: fc.uint8Array({ maxLength: 60 }),
      count: fc.integer({ min: -2, max: 2 ** 31 - 1 }),
      compression: fc.nat({ max: 7 }),
    });
    await fc.assert(
      fc.asyncProperty(anyBatch, async ({ body, count, compression }) => {
        const batch = rewritten(Buffer.concat([header, body]), (view) => {
          view.setInt32(8, RECORDS + body.length - 12);
          view.setInt16(ATTRIBUTES, compression);
          view.setInt32(COUNT, count);
        });
        const outcome = await read(batch).catch((error: unknown) => error);
        expect(outcome instanceof CorruptionError || !(outcome instanceof Error)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('of lengths: a record that reaches into the next one', async () => {
    const inner = [0x0e, 0, 0, 2, 1, 2, 0, 0];
    const overlapping = new Uint8Array([0x0c, 0, 0, 0, 1, 0x10, 0x41, ...inner]);
    const batch = Buffer.concat([(await batchAt(0, [record('a'), record('b')])).slice(0, RECORDS), overlapping]);
    const fitting = rewritten(batch, (view) => view.setInt32(LENGTH, batch.length - LENGTH_STARTS));
    await expect(read(fitting)).rejects.toThrow(/the lengths of its record 0 do not fit/);
  });

  it('of the length that snappy says comes out, before memory is taken for it', async () => {
    const plain = await batchAt(0, [record('a')]);
    const xerial = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    const cases: [number[], RegExp][] = [
      [[0x80, 0x94, 0xeb, 0xdc, 0x03, 0, 65], /7 bytes of snappy say that they are 1000000000/],
      [[...xerial, 0, 0, 0, 7, 0x80, 0x94, 0xeb, 0xdc, 0x03, 0, 65], /say that they are 1000000000/],
      [[...xerial, 0, 0, 0, 0], /0 bytes of snappy/],
      [[...xerial, 0, 0, 0, 9, 1, 0, 65], /it is cut off/],
      [[], /0 bytes of snappy/],
    ];
    for (const [records, message] of cases) {
      const batch = Buffer.concat([plain.subarray(0, RECORDS), Uint8Array.from(records)]);
      batch.writeInt32BE(batch.length - LENGTH_STARTS, LENGTH);
      await expect(read(rewritten(batch, (view) => view.setInt16(ATTRIBUTES, 2)))).rejects.toThrow(message);
    }
  });

  it('says what is wrong', async () => {
    const old = await batchAt(4, [record('x')]);
    old[MAGIC] = 1;
    await expect(read(old)).rejects.toThrow(
      /batch at offset 4 of topic orders, partition 3 is in message format v1, of Kafka before 0\.11/,
    );
    const cases: [RegExp, (view: DataView) => void][] = [
      [/compression 7 is not known/, (view) => view.setInt16(ATTRIBUTES, 7)],
      [/its records cannot be decompressed \(gzip\)/, (view) => view.setInt16(ATTRIBUTES, 1)],
      [/99 records do not fit/, (view) => view.setInt32(COUNT, 99)],
      [/bytes are left behind/, (view) => view.setInt32(COUNT, 1)],
      [/record 1 has the offset 1/, (view) => view.setInt32(23, 0)],
    ];
    for (const [message, change] of cases)
      await expect(read(rewritten(await batchAt(0, [record('a'), record('b')]), change))).rejects.toThrow(message);
    const backwards = Buffer.concat([await batchAt(5, [record('a')]), await batchAt(5, [record('b')])]);
    await expect(read(backwards)).rejects.toThrow(/do not follow/);
    await expect(read(deflateSync('not records at all'))).rejects.toThrow(CorruptionError);
  });
});

interface Step {
  readonly producer: number;
  readonly step: 'write' | 'abort' | 'commit';
}

const isMarker = (steps: readonly Step[], offset: number): boolean => steps[offset]?.step !== 'write';

/** One batch of one record an offset; `aborted` with the offset of the abort marker. */
async function transactionLog(steps: readonly Step[]): Promise<{
  pieces: Uint8Array[];
  aborted: (AbortedTransaction & { lastOffset: number })[];
  open: Map<number, number>;
  committed: number[];
}> {
  const pieces: Uint8Array[] = [];
  const aborted: (AbortedTransaction & { lastOffset: number })[] = [];
  const open = new Map<number, number>();
  const written = new Map<number, number[]>();
  const committed: number[] = [];
  for (const [offset, { producer, step }] of steps.entries()) {
    if (step === 'write') {
      if (!open.has(producer)) open.set(producer, offset);
      written.set(producer, [...(written.get(producer) ?? []), offset]);
      pieces.push(
        await batchAt(offset, [record(`${offset}`)], 'none', { ...NOBODY, id: producer, transactional: true }),
      );
      continue;
    }
    pieces.push(await markerAt(offset, producer, step));
    const firstOffset = open.get(producer);
    if (step === 'commit') committed.push(...(written.get(producer) ?? []));
    else if (firstOffset !== undefined) aborted.push({ producerId: producer, firstOffset, lastOffset: offset });
    open.delete(producer);
    written.delete(producer);
  }
  return { pieces, aborted, open, committed: committed.sort((a, b) => a - b) };
}

function int32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
