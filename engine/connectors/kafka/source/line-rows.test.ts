/** For every value, LineRows answers what `decodeRecord` does: fuzzed. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LineFormat } from '../../../formats/decoder.ts';
import { jsonLines } from '../../../formats/json-lines.ts';
import { schema, t } from '../../../formats/schema.ts';
import { messageOf } from '../../../model/errors.ts';
import type { SourceBatch } from '../../../model/source-batch.ts';
import { newColumns } from '../client/record-columns.ts';
import type { RecordColumns } from '../client/record-set.ts';
import { LineRows } from './line-rows.ts';
import { valueRows } from './record-rows.ts';
import type { RowMaker } from './row-maker.ts';

const orders = schema({ id: t.string(), amount: t.number().nullable(), at: t.timestamp().nullable() });
const plain = jsonLines();
const typed = jsonLines(orders) as LineFormat<unknown>;

type Outcome = {
  readonly offset: number;
  readonly timestamp?: number;
  readonly row?: unknown;
  readonly error?: string;
};

/** Values lie in two chunks, with bytes around them that are nobody's. */
function columnsOf(values: readonly (Uint8Array | null)[]): RecordColumns {
  const columns = newColumns();
  const parts: Buffer[][] = [[], []];
  const used = [0, 0];
  const put = (chunk: number, bytes: Uint8Array): number => {
    const at = used[chunk]!;
    parts[chunk]!.push(Buffer.from(bytes));
    used[chunk] = at + bytes.length;
    return at;
  };
  values.forEach((value, i) => {
    const chunk = i % 3 === 0 ? 1 : 0;
    put(chunk, Buffer.from('\n"}'));
    columns.offsets[i] = 100 + 2 * i;
    columns.timestamps[i] = 7 * i;
    columns.chunk[i] = chunk;
    columns.keyStart[i] = -1;
    columns.valueStart[i] = value === null ? -1 : put(chunk, value);
    columns.valueEnd[i] = value === null ? -1 : used[chunk]!;
  });
  put(0, Buffer.from('x'));
  put(1, Buffer.from('x'));
  columns.chunks.push(...parts.map((each) => Buffer.concat(each)));
  columns.n = values.length;
  return columns;
}

async function outcomes(maker: RowMaker, columns: RecordColumns, maxRows: readonly number[]): Promise<Outcome[]> {
  const found: Outcome[] = [];
  for (let at = 0, turn = 0; at < columns.n; turn++) {
    const made = maker.make(columns, at, columns.n, maxRows[turn % maxRows.length]!);
    if (made instanceof Promise) throw new Error('there is nothing to wait for');
    found.push(...outcomesOf(made.batch));
    expect(made.next).toBeGreaterThan(at);
    at = made.next;
    maker.release(made.batch);
  }
  return found.sort((a, b) => a.offset - b.offset);
}

function outcomesOf(batch: SourceBatch): Outcome[] {
  const found: Outcome[] = batch.bad.map(({ position, error }) => ({ offset: position, error }));
  expect(batch.bad.map(({ position }) => position)).toEqual(
    batch.bad.map(({ position }) => position).toSorted((a, b) => a - b),
  );
  for (let i = 0; i < batch.n; i++) {
    if (batch.row !== null) batch.row.__i = i;
    const row = batch.row === null ? batch.values![i] : batch.row.__copy();
    found.push({ offset: batch.positionOf(i), timestamp: batch.timestamps![i]!, row });
  }
  return found;
}

function naive(format: LineFormat<unknown>, values: readonly (Uint8Array | null)[]): Outcome[] {
  return values.flatMap((value, i): Outcome[] => {
    if (value === null) return [];
    const offset = 100 + 2 * i;
    try {
      return [{ offset, timestamp: 7 * i, row: format.decodeRecord(value) }];
    } catch (thrown) {
      return [{ offset, error: messageOf(thrown) }];
    }
  });
}

const spaces = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
const order = fc.record(
  {
    id: fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constant('a\nb')),
    amount: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.constant(null)),
    at: fc.oneof(fc.constant('2024-01-01 10:20:30.123'), fc.nat(), fc.constant(null)),
    more: fc.jsonValue(),
  },
  { requiredKeys: ['id'] },
);
const text = fc.oneof(
  { weight: 6, arbitrary: order.map((value) => JSON.stringify(value)) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(order, fc.constantFrom(1, 2, '\t'))
      .map(([value, indent]) => JSON.stringify(value, null, indent)),
  },
  { weight: 2, arbitrary: fc.tuple(spaces, order, spaces).map(([a, value, b]) => a + JSON.stringify(value) + b) },
  { weight: 1, arbitrary: spaces },
  { weight: 1, arbitrary: fc.json() },
  { weight: 2, arbitrary: fc.stringMatching(/^[{}[\]",:\n\r \\a0-]{0,12}$/) },
  // Pieces that would be records together with their neighbours.
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '{"id":"a"',
      '}',
      '{"id":"a',
      'b"}',
      '{"id":"a"}{"id":"b"}',
      '{"id":"a\n"}',
      '\ufeff{"id":"a"}',
    ),
  },
);
const value = fc.oneof(
  { weight: 12, arbitrary: text.map((each) => Buffer.from(each)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constant(null) },
);
const some = fc.array(value, { minLength: 1, maxLength: 40 });
const sizes = fc.array(fc.constantFrom(1, 2, 7, 1024), { minLength: 1, maxLength: 3 });

it.each([
  ['without a schema', plain],
  ['with a schema', typed],
])('JSON %s: the same rows, offsets, timestamps and errors as one record at a time', async (_, format) => {
  await fc.assert(
    fc.asyncProperty(some, sizes, async (values, maxRows) => {
      const expected = naive(format, values);
      expect(await outcomes(new LineRows(format), columnsOf(values), maxRows)).toEqual(expected);
      expect(await outcomes(valueRows(format), columnsOf(values), maxRows)).toEqual(expected);
    }),
    { numRuns: 400 },
  );
});

it('values larger than the buffer, and more of them than it holds', async () => {
  const long = (n: number): Buffer => Buffer.from(JSON.stringify({ id: 'x'.repeat(n), amount: n }));
  const values = [long(3), long(300_000), long(5), ...Array.from({ length: 30 }, () => long(40_000)), long(600_000)];
  expect(await outcomes(new LineRows(typed), columnsOf(values), [1024])).toEqual(naive(typed, values));
});

it('batches stay as they are until they are released', () => {
  const maker = new LineRows(typed);
  const columns = columnsOf(Array.from({ length: 9 }, (_, i) => Buffer.from(`{"id":"${i}"}`)));
  const batches = [0, 3, 6].map((at) => (maker.make(columns, at, at + 3, 10) as { batch: SourceBatch }).batch);
  const ids = batches.flatMap((batch) => outcomesOf(batch).map(({ row }) => (row as { id: string }).id));
  expect(ids.join('')).toBe('012345678');
  expect(batches.map((batch) => batch.rawOf(1))).toEqual(['{"id":"1"}', '{"id":"4"}', '{"id":"7"}']);
});
