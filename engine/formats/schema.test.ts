import { expect, expectTypeOf, it } from 'vitest';
import { csvLines } from './csv.ts';
import type { LineFormat } from './decoder.ts';
import { jsonLines } from './json-lines.ts';
import { schema, t, type RowOf } from './schema.ts';
import { textLines } from './text-lines.ts';

const orders = schema({ id: t.string(), amount: t.number().nullable(), ok: t.boolean().optional(), at: t.timestamp() });
interface Order {
  readonly id: string;
  readonly amount: number | null;
  readonly ok: boolean | null;
  readonly at: number;
}

it('derives the row type', () => {
  expectTypeOf<RowOf<typeof orders>>().toEqualTypeOf<Order>();
  expectTypeOf(jsonLines(orders)).toEqualTypeOf<LineFormat<Order>>();
  expectTypeOf(csvLines(orders)).toEqualTypeOf<LineFormat<Order>>();
  expectTypeOf(jsonLines<{ a: number }>()).toEqualTypeOf<LineFormat<{ a: number }>>();
  expectTypeOf(textLines()).toEqualTypeOf<LineFormat<string>>();
  expect(orders.fields.map((f) => `${f.name}:${f.type}${f.isNullable ? '?' : ''}`)).toEqual([
    'id:string',
    'amount:number?',
    'ok:boolean?',
    'at:timestamp',
  ]);
});

it('refuses a schema without fields', () => {
  expect(() => schema({})).toThrow('declare at least one');
});
