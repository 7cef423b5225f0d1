/** The statements, word by word. */
import { describe, expect, test } from 'vitest';
import { integerType, type ColumnType, type TableCatalog, type TableColumn } from './column-type.ts';
import { MYSQL } from './mysql/mysql-dialect.ts';
import { chunked } from './mysql/mysql-statements.ts';
import { parsePlaceholders, withPlaceholders } from './parse-placeholders.ts';
import { POSTGRES } from './postgres/postgres-dialect.ts';
import { parseArray } from './postgres/postgres-results.ts';
import { pageQuery, type Page } from './source/page-query.ts';
import type { WireValue } from './wire-value.ts';

function column(name: string, type: ColumnType, sqlType: string): TableColumn {
  return { name, type, sqlType, storedType: sqlType, nullable: true, hasDefault: false, looseEquality: false };
}

const ID = column('id', integerType(64), 'bigint');
const TAGS = column('tags', { kind: 'array', element: integerType(32) }, 'integer[]');
const NAME = column('na"me`', { kind: 'other', takesNul: true }, 'character varying');

function table(sqlName: string, uniqueKeys: readonly (readonly string[])[]): TableCatalog {
  const columns = new Map([ID, TAGS, NAME].map((one) => [one.name, one]));
  return { sqlName, columns, uniqueKeys, hasOtherKeys: false, unsafe: null };
}

describe('PostgreSQL', () => {
  const orders = table(POSTGRES.quoteName('sales.or"ders'), [['id']]);
  const values: WireValue[][] = [
    ['1', '2'],
    ['{1}', null],
    ['NULL', '"\\'],
  ];
  const insert =
    'INSERT INTO "sales"."or""ders" ("id", "tags", "na""me`") SELECT c1, c2::integer[], c3 FROM unnest($1::bigint[], $2::text[], $3::character varying[]) AS r(c1, c2, c3)';

  test('insert', () => {
    expect(POSTGRES.insert(orders, [ID, TAGS, NAME], values)).toEqual([
      { sql: insert, values: ['{"1","2"}', '{"{1}",NULL}', '{"NULL","\\"\\\\"}'] },
    ]);
  });
  test('upsert', () => {
    const [statement] = POSTGRES.upsert(orders, [ID, TAGS, NAME], ['id'], values);
    expect(statement!.sql).toBe(
      `${insert} ON CONFLICT ("id") DO UPDATE SET "tags" = EXCLUDED."tags", "na""me\`" = EXCLUDED."na""me\`"`,
    );
    expect(POSTGRES.upsert(orders, [ID], ['id'], [['1']])[0]!.sql).toMatch(/ON CONFLICT \("id"\) DO NOTHING$/);
  });
  test('delete', () => {
    expect(POSTGRES.delete(orders, [ID, NAME], [['1'], ['a']])).toEqual([
      {
        sql: 'DELETE FROM "sales"."or""ders" AS t USING unnest($1::bigint[], $2::character varying[]) AS k(k1, k2) WHERE t."id" = k.k1 AND t."na""me`" = k.k2',
        values: ['{"1"}', '{"a"}'],
      },
    ]);
  });
  test('arrays are read as they are written', () => {
    expect(parseArray('{"a","","\\"\\\\",NULL,{b,"NULL"}}', String)).toEqual(['a', '', '"\\', null, ['b', 'NULL']]);
    expect(parseArray('{}', String)).toEqual([]);
  });
});

describe('MySQL and MariaDB', () => {
  const orders = table(MYSQL.quoteName('shop.orders'), [['id']]);

  test('upsert', () => {
    const values: WireValue[][] = [
      ['1', '2', '3'],
      ['a', 'b', 'c'],
    ];
    const of = (rows: string): string =>
      `INSERT INTO \`shop\`.\`orders\` (\`id\`, \`na"me\`\`\`) VALUES ${rows} ON DUPLICATE KEY UPDATE \`na"me\`\`\` = VALUES(\`na"me\`\`\`)`;
    expect(MYSQL.upsert(orders, [ID, NAME], ['id'], values)).toEqual([
      { sql: of('(?, ?), (?, ?)'), values: ['1', 'a', '2', 'b'] },
      { sql: of('(?, ?)'), values: ['3', 'c'] },
    ]);
  });
  test('another unique key makes its conflicts errors, written or not, whole or not', () => {
    const guard = '`id` = IF(`id` <=> VALUES(`id`), `id`, (SELECT 1 UNION ALL SELECT 2))';
    const sqlOf = (of: TableCatalog, ...columns: TableColumn[]): string =>
      MYSQL.upsert(
        of,
        columns,
        ['id'],
        columns.map(() => ['1']),
      )[0]!.sql;
    expect(sqlOf(table('`t`', [['id'], ['tags']]), ID, TAGS)).toContain(guard);
    expect(sqlOf(table('`t`', [['id'], ['tags']]), ID, NAME)).toContain(guard);
    expect(sqlOf({ ...table('`t`', [['id']]), hasOtherKeys: true }, ID, NAME)).toContain(guard);
    expect(sqlOf(table('`t`', [['id']]), ID, NAME)).not.toContain(guard);
  });
  test('delete compares numbers with numbers', () => {
    expect(MYSQL.delete(orders, [ID], [['1', '2']])[0]!.sql).toBe(
      'DELETE FROM `shop`.`orders` WHERE `id` IN (CAST(? AS SIGNED), CAST(? AS SIGNED))',
    );
    expect(MYSQL.delete(orders, [ID, NAME], [['1'], ['a']])[0]!.sql).toBe(
      'DELETE FROM `shop`.`orders` WHERE (`id`, `na"me```) IN ((CAST(? AS SIGNED), ?))',
    );
  });
  test('any number of rows makes few statements, within the limit of values', () => {
    for (const rows of [0, 1, 7, 999, 1000, 1001, 2500]) {
      const columns = Array.from({ length: 80 }, (_, c) => Array.from({ length: rows }, (__, r) => `${c}-${r}`));
      const statements = chunked(columns, String);
      expect(statements.every(({ values }) => values.length <= 65_535)).toBe(true);
      expect(statements.flatMap(({ values }) => values.filter((_, i) => i % 80 === 0))).toEqual(columns[0]);
    }
    const sizes = new Set<string>();
    for (let rows = 0; rows < 3000; rows++)
      for (const { sql } of chunked([Array<null>(rows).fill(null)], String)) sizes.add(sql);
    expect(sizes.size).toBeLessThan(12);
  });
});

test('question marks in texts, names and comments are no values', () => {
  const text = parsePlaceholders(
    `SELECT '?''?', "?", \`?\`, $$?$$, $a$ ? $a$, a ?? b, ? /* ? */ -- ?\n FROM t WHERE x = ?;  `,
  );
  expect(withPlaceholders(text, (n) => `$${n}`)).toBe(
    `SELECT '?''?', "?", \`?\`, $$?$$, $a$ ? $a$, a ? b, $1 /* ? */ -- ?\n FROM t WHERE x = $2`,
  );
  expect(() => parsePlaceholders("SELECT '?'")).toThrow(/has no "\?"/);
});

test('a page of a composite key', () => {
  const a = { name: 'a', kind: 'integer' } as const;
  const b = { name: 'b', kind: 'text' } as const;
  const page: Page = {
    parameters: ['7'],
    bounds: [{ column: a, operator: '>=', value: '0' }],
    key: [a, b],
    after: ['5', 'x'],
    offset: 0,
    limit: 11,
  };
  const base = { kind: 'query', sql: 'SELECT * FROM t WHERE c = ?;' } as const;
  expect(pageQuery(POSTGRES, base, page)).toEqual({
    sql: 'SELECT q.* FROM (SELECT * FROM t WHERE c = $1\n) AS q WHERE q."a" >= $2 AND ((q."a" > $3) OR (q."a" = $4 AND q."b" > $5)) ORDER BY q."a", q."b" LIMIT 11',
    values: ['7', '0', '5', '5', 'x'],
  });
  const after = { ...page, parameters: [], after: null, bounds: [], offset: 40 };
  const all = { kind: 'table', sqlName: '`t`', columns: ['a', 'b'] } as const;
  expect(pageQuery(MYSQL, all, after).sql).toBe(
    'SELECT q.`a`, q.`b` FROM `t` AS q ORDER BY q.`a`, q.`b` LIMIT 11 OFFSET 40',
  );
});
