import fc from 'fast-check';
import { expect, it } from 'vitest';
import { csvLines } from './csv.ts';
import { decodeAll } from './decoder-fixture.ts';
import { csvEncoder } from './encoder.ts';
import { schema, t } from './schema.ts';

const row = schema({
  id: t.string(),
  n: t.number().nullable(),
  ok: t.boolean().nullable(),
  at: t.timestamp().nullable(),
  note: t.string().nullable(),
});
const rows = (lines: string[], options = {}): unknown[] =>
  decodeAll(
    csvLines(row, { header: false, ...options }).lineDecoder(null),
    lines.map((l) => Buffer.from(l)),
    () => 10,
  ).map((o) => ('row' in o ? o.row : 'bad'));

it('reads quotes, empty fields and types', () => {
  expect(
    rows(['a,1.5,true,2024-01-31 08:00,x', '', '"a,""b""",,,,""', ',,,,\r', 'z,+07,FALSE,1706688000000,']),
  ).toEqual([
    { id: 'a', n: 1.5, ok: true, at: Date.UTC(2024, 0, 31, 8), note: 'x' },
    { id: 'a,"b"', n: null, ok: null, at: null, note: '' },
    { id: '', n: null, ok: null, at: null, note: null },
    { id: 'z', n: 7, ok: false, at: 1706688000000, note: null },
  ]);
  expect(
    rows(["a;'b\\'c'"], { delimiter: ';', quote: "'", escape: '\\', columns: ['id', 'note', 'n', 'ok', 'at'] }),
  ).toMatchObject([{ id: 'a', note: "b'c" }]);
});

it('makes bad records of what does not fit', () => {
  expect(rows(['a,one', '"open', '"a"b,1', 'a,1,yes', 'a,0x10'])).toEqual(['bad', 'bad', 'bad', 'bad', 'bad']);
});

it('takes columns from the header and refuses a schema that does not fit', () => {
  const decoder = csvLines(row).lineDecoder(Buffer.from('x,note,id,n,ok,at'));
  expect(decodeAll(decoder, [Buffer.from('1,2,3,4')], () => 1)).toMatchObject([{ row: { id: '3', n: 4, note: '2' } }]);
  expect(() => csvLines(row).lineDecoder(Buffer.from('a,b'))).toThrow('there is no column "id"; the columns are a, b');
});

it('reads back what csvEncoder writes', () => {
  const simple = schema({ id: t.string(), note: t.string().nullable(), n: t.number() });
  const text = fc.string({ unit: 'grapheme' }).filter((s) => !/[\r\n]/.test(s));
  fc.assert(
    fc.property(
      fc.record({ id: text, note: fc.option(text), n: fc.double({ noNaN: true, noDefaultInfinity: true }) }),
      (value) => {
        const line = csvEncoder<typeof value>(['id', 'note', 'n']).encode(value);
        expect(csvLines(simple, { header: false }).decodeRecord(Buffer.from(line))).toEqual({
          ...value,
          n: value.n === 0 ? 0 : value.n,
        });
      },
    ),
  );
});
