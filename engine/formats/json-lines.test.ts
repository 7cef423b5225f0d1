import { describe, expect, it } from 'vitest';
import { decodeAll, naiveOutcomes, seeded } from './decoder-fixture.ts';
import { coerceRecord, recordOf } from './coerce.ts';
import { jsonLines } from './json-lines.ts';
import { schema, t } from './schema.ts';

const orders = schema({
  id: t.string(),
  amount: t.number(),
  n: t.int().nullable(),
  ok: t.boolean().nullable(),
  at: t.timestamp(),
  note: t.string().nullable(),
});
/** FUZZ_SEEDS=1000 for a long run. */
const SEEDS = Number(process.env['FUZZ_SEEDS'] ?? 6);
const bySchema = (text: string): unknown => recordOf(orders.fields, coerceRecord(orders.fields, JSON.parse(text)));
const LINE =
  '{"id":"a-1","x":[1,{"y":"z"}],"amount":12.5,"n":7,"ok":true,"at":"2024-01-31 08:00:00.123","note":"hello","z":"w"}';

describe('jsonLines() without a schema', () => {
  it('gives the answer of JSON.parse for each line, and the lines that fail as bad records', () => {
    const lines = ['{"a":1}', '', '5', '{"a":', '{"b":[1,2]}\r', '"x"', 'null', '{"é":"ü"}', '{"a":"\xff"}'].map((s) =>
      Buffer.from(s),
    );
    expect(decodeAll(jsonLines().lineDecoder(null), lines, () => 3)).toEqual(
      naiveOutcomes(lines, (s) => JSON.parse(s)),
    );
  });

  it('never joins lines, whatever a producer writes', () => {
    const hostile = [
      '{"a":[{"x":1}',
      '{"x":2}]}',
      '{"a":1},{"b":2}',
      '{"a":"',
      '{","b":""}',
      '{"a":1',
      '{"a":"x',
      '"y":1}',
      '{"a":1}',
      '{"a":{"b":1}',
      '{"c":{"d":2}}}',
      '}',
      '{',
      '{},{}',
      '{"a":"\\',
      '[1',
      '2]',
      '{"k":"[]"}',
      '{"a":{',
      '"b":1}}',
    ];
    const random = seeded(7);
    for (let round = 0; round < 4000; round++) {
      const lines = Array.from({ length: 1 + Math.floor(random() * 8) }, () =>
        Buffer.from(hostile[Math.floor(random() * hostile.length)]!),
      );
      const got = decodeAll(jsonLines().lineDecoder(null), lines, () => 1 + Math.floor(random() * 10));
      expect(got, lines.join('\n')).toEqual(naiveOutcomes(lines, (s) => JSON.parse(s)));
    }
  });

  it('reads lines longer than a piece', () => {
    const lines = [`{"a":"${'x'.repeat(50_000)}"}`, '{"a":1}', `{"b":"${'ü'.repeat(20_000)}"}`].map((s) =>
      Buffer.from(s),
    );
    expect(decodeAll(jsonLines().lineDecoder(null), lines, () => 1000)).toEqual(
      naiveOutcomes(lines, (s) => JSON.parse(s)),
    );
  });
});

describe('jsonLines(schema)', () => {
  it('reads declared fields only, as JSON.parse and coercion would', () => {
    const [outcome] = decodeAll(jsonLines(orders).lineDecoder(null), [Buffer.from(LINE)], () => 10);
    expect(outcome).toEqual({
      position: 0,
      row: { id: 'a-1', amount: 12.5, n: 7, ok: true, at: Date.UTC(2024, 0, 31, 8, 0, 0, 123), note: 'hello' },
    });
  });

  it.each([
    ['{"amount":1,"at":0}', 'field "id" is missing'],
    ['{"id":null,"amount":1,"at":0}', 'field "id" is null'],
    ['{"id":5,"amount":1,"at":0}', 'field "id": expected string, got number 5'],
    ['{"id":"a","amount":"1","at":0}', 'field "amount": expected number, got string "1"'],
    ['{"id":"a","amount":1e999,"at":0}', 'field "amount": expected number, got number Infinity'],
    ['{"id":"a","amount":1,"at":0,"n":1.5}', 'field "n": expected int'],
    ['{"id":"a","amount":1,"at":"2024-02-30 00:00:00.000"}', 'field "at": not a timestamp'],
    ['[1]', 'expected a JSON object, got array'],
    ['{"id":"a","amount":1","at":0}', ''],
  ])('%s is a bad record: %s', (line, reason) => {
    const bytes = Buffer.concat([Buffer.from(`${LINE}\n${line}\n`), Buffer.alloc(64)]);
    const batch = jsonLines(orders)
      .lineDecoder(null)
      .decode(bytes, 0, bytes.length - 64, 100, 10);
    expect(batch.n).toBe(1);
    expect(batch.bad).toEqual([{ position: 100 + LINE.length + 1, raw: line, error: expect.stringContaining(reason) }]);
    expect(batch.endPosition).toBe(100 + bytes.length - 64);
  });

  it('takes field names that objects have of themselves', () => {
    const odd = schema({ constructor: t.string(), toString: t.number(), 'a b"c': t.int().nullable(), é: t.string() });
    const lines = [Buffer.from('{"constructor":"c","toString":1,"a b\\"c":3,"é":"x"}')];
    const [outcome] = decodeAll(jsonLines(odd).lineDecoder(null), lines, () => 10);
    expect(JSON.stringify((outcome as { row: unknown }).row)).toBe(
      '{"constructor":"c","toString":1,"a b\\"c":3,"é":"x"}',
    );
    expect(() => schema({ __proto: t.string() })).toThrow('must not be empty or begin with "__"');
  });

  it('gives strings of rows that outlive the batch, and JSON of a lazy row', () => {
    const bytes = Buffer.concat([Buffer.from(`${LINE}\n`), Buffer.alloc(64)]);
    const batch = jsonLines(orders)
      .lineDecoder(null)
      .decode(bytes, 0, bytes.length - 64, 0, 10);
    expect(JSON.parse(JSON.stringify(batch.row))).toEqual(batch.row!.__copy());
  });

  it.each(Array.from({ length: SEEDS }, (_, i) => i + 1))(
    'agrees with JSON.parse and coercion on generated and damaged lines (seed %i)',
    (seed) => {
      const random = seeded(seed * 7919);
      const pick = <V>(from: readonly V[]): V => from[Math.floor(random() * from.length)]!;
      for (let round = 0; round < 60; round++) {
        const lines = Array.from({ length: 100 }, () => generatedLine(random, pick));
        if (random() < 0.7)
          lines.unshift(
            Buffer.from(pick([LINE, LINE.replaceAll(':', ': '), '{"at":5,"id":"x","amount":-0,"n":null,"ok":false}'])),
          );
        const got = decodeAll(jsonLines(orders).lineDecoder(null), lines, () => 1 + Math.floor(random() * 60));
        const expected = naiveOutcomes(lines, bySchema);
        for (let i = 0; i < Math.max(got.length, expected.length); i++) {
          expect(got[i], `seed ${seed}, round ${round}, at ${expected[i]?.position}`).toEqual(expected[i]);
        }
      }
    },
  );

  it('learns again when lines change their shape', () => {
    const lines = Array.from({ length: 60_000 }, (_, i) =>
      Buffer.from(i < 1000 ? LINE : `{"at":${i},"note":"n","id":"i${i}","amount":${i / 4}, "ok": true}`),
    );
    expect(decodeAll(jsonLines(orders).lineDecoder(null), lines, () => 1024)).toEqual(naiveOutcomes(lines, bySchema));
  });
});

function generatedLine(random: () => number, pick: <V>(from: readonly V[]) => V): Buffer {
  const strings = [
    '"a"',
    '""',
    '"a\\n\\u00e9\\\\"',
    '"\\ud800"',
    '"ü€😀"',
    '"plain text [with] {braces}"',
    '"x\\"y"',
    '"\u007f"',
    '"2024-01-31 08:00:00.123"',
  ];
  const numbers = [
    '0',
    '-0',
    '1',
    '12.5',
    '-3.25',
    '1e3',
    '1E-2',
    '0.1',
    '123456789012345678',
    '0.30000000000000004',
    '9007199254740993',
    '1e400',
    '5e-324',
    '01',
    '1.',
    '.5',
    '-',
    '+1',
    '1.7976931348623157e308',
    '100000000000000.1',
    '999999999999999',
    '0.000001',
  ];
  const times = [
    '"2024-01-31 08:00:00.123"',
    '"2024-01-31T08:00:00.123Z"',
    '"2024-01-31T08:00:00Z"',
    '"2024-02-29 23:59:59.999"',
    '"2023-02-29 00:00:00.000"',
    '"2024-01-31 24:00:00.000"',
    '"2024-01-31"',
    '"2024-01-31T08:00+02:00"',
    '1706688000123',
    '"2024-01-31 08:00:00.1234"',
    '"2024\\u002d01-31 08:00:00.123"',
    '"0000-01-01 00:00:00.000"',
    '"2024-01-31 08:00:61.123"',
    '"2024-01-31 08:00:/1.123"',
    '"2024-01-31 08:00:0:.123"',
    '"2024-01-31 08:00:01./23"',
    '"2024-01-31 08:00:01.1:3"',
    '"2024-01-31 0/:00:01.123"',
  ];
  const anything = [
    'null',
    'true',
    'false',
    '{}',
    '[]',
    '[1,[2,{"id":"no"}]]',
    '{"id":"inner","amount":1}',
    'nul',
    'True',
  ];
  const space = (): string => (random() < 0.1 ? pick([' ', '\t', '  ', '\r']) : '');
  const value = (own: readonly string[]): string =>
    random() < 0.85 ? pick(own) : pick([...strings, ...numbers, ...anything]);
  let members: [string, string][] = [
    ['"id"', value(strings)],
    ['"x"', value([...strings, ...numbers, ...anything])],
    [
      '"amount"',
      value(
        random() < 0.5
          ? numbers
          : [String(random() * 10 ** Math.floor(random() * 8 - 3)), String(Math.floor(random() * 1e6) / 100)],
      ),
    ],
    ['"n"', value(['7', '-12', '0', 'null'])],
    ['"ok"', value(['true', 'false', 'null'])],
    ['"at"', value(times)],
    ['"note"', value([...strings, 'null'])],
    ['"z"', '"w"'],
  ];
  if (random() < 0.3) members = members.filter(() => random() < 0.9);
  if (random() < 0.2) members.sort(() => random() - 0.5);
  if (random() < 0.1)
    members.push([pick(['"id"', '"amount"', '"\\u0069d"', '"__proto__"', '"at"', '"é"']), value(strings)]);
  if (random() < 0.5) members[0] = ['"id"', '"a-1"'];
  const bytes = Buffer.from(
    `${space()}{${members.map(([k, v]) => `${space()}${k}${space()}:${space()}${v}${space()}`).join(',')}}${space()}`,
  );
  const damage = random();
  if (damage < 0.1) return bytes.subarray(0, Math.floor(random() * bytes.length));
  if (damage < 0.25 && bytes.length > 0) {
    bytes[Math.floor(random() * bytes.length)] = pick([
      0, 9, 34, 44, 58, 92, 123, 125, 91, 93, 48, 0xff, 0xe2, 0xc3, 32, 13,
    ]);
    return bytes;
  }
  if (damage < 0.28) return Buffer.from(pick(['', ' ', '\r', '\t \r', 'x', '{', '\uFEFF{}', '{}']));
  if (damage < 0.34) {
    const at = Math.floor(random() * bytes.length);
    return Buffer.concat([
      bytes.subarray(0, at),
      Buffer.from(pick(['"', ',', '1', '}', '\\', ' '])),
      bytes.subarray(at),
    ]);
  }
  return bytes;
}
