/** A table of PostgreSQL's catalog. */
import { integerType, isExact, type ColumnType, type TableCatalog, type TableColumn } from '../column-type.ts';
import type { JdbcSession } from '../session.ts';

const COLUMNS = `
SELECT a.attname, format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END, -1), b.typname, b.typcategory,
       CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END, a.attnotnull OR t.typnotnull,
       e.typname, coalesce(c.collisdeterministic, true), a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL,
       r.relkind, r.relpersistence,
       CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE format_type(a.atttypid, a.atttypmod) END
FROM pg_attribute a
JOIN pg_class r ON r.oid = a.attrelid
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
LEFT JOIN pg_type e ON e.oid = b.typelem
LEFT JOIN pg_collation c ON c.oid = a.attcollation
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY a.attnum`;

/** Those that ON CONFLICT can name: checked at once, over all rows, of plain columns. */
const UNIQUE_KEYS = `
SELECT i.indexrelid::text, a.attname
FROM pg_index i
CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS k(n)
LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.n] AND a.attnum > 0
WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
ORDER BY i.indexrelid, k.n`;

export async function postgresTable(session: JdbcSession, sqlName: string): Promise<TableCatalog | null> {
  const columns = new Map<string, TableColumn>();
  let unsafe: string | null = null;
  for (const row of (await session.run(COLUMNS, [sqlName])).rows) {
    const [
      name,
      sqlType,
      typeName,
      category,
      modifier,
      notNull,
      element,
      deterministic,
      hasDefault,
      kind,
      persistence,
      storedType,
    ] = row as string[];
    unsafe = unsafeKind(kind!, persistence!);
    const type =
      category === 'A' && typeName!.startsWith('_')
        ? ({ kind: 'array', element: postgresType(element!, -1) } as const)
        : postgresType(typeName!, Number(modifier));
    columns.set(name!, {
      name: name!,
      type,
      sqlType: sqlType!,
      storedType: storedType!,
      nullable: notNull !== 't',
      hasDefault: hasDefault === 't',
      looseEquality: !isExact(type) || deterministic !== 't' || typeName === 'citext',
    });
  }
  if (columns.size === 0) return null;
  const keys = new Map<string, (string | null)[]>();
  for (const [index, column] of (await session.run(UNIQUE_KEYS, [sqlName])).rows as [string, string | null][])
    keys.set(index, [...(keys.get(index) ?? []), column]);
  // An expression has no column.
  const uniqueKeys = [...keys.values()].filter((key): key is string[] => key.every((column) => column !== null));
  return { sqlName, columns, uniqueKeys, hasOtherKeys: uniqueKeys.length < keys.size, unsafe };
}

function unsafeKind(kind: string, persistence: string): string | null {
  if (persistence === 'u') return 'is UNLOGGED: PostgreSQL empties it after a crash';
  if (persistence === 't') return 'is temporary: it belongs to one connection';
  return kind === 'f' ? "is a foreign table: its rows are not committed with PostgreSQL's own" : null;
}

/** By the name that pg_type has, and the type modifier (-1: none). */
export function postgresType(name: string, modifier: number): ColumnType {
  switch (name) {
    case 'bool':
      return { kind: 'boolean' };
    case 'int2':
      return integerType(16);
    case 'int4':
      return integerType(32);
    case 'int8':
      return integerType(64);
    case 'float4':
      return { kind: 'float', special: true, bytes: 4 };
    case 'float8':
      return { kind: 'float', special: true, bytes: 8 };
    case 'numeric':
      return numericType(modifier);
    case 'text':
    case 'citext':
    case 'name':
      return { kind: 'text', maxLength: null, maxBytes: null, padded: false, takesNul: false };
    case 'varchar':
    case 'bpchar':
      // The modifier counts its own four bytes.
      return {
        kind: 'text',
        maxLength: modifier < 0 ? null : modifier - 4,
        maxBytes: null,
        padded: name === 'bpchar',
        takesNul: false,
      };
    case 'uuid':
      return { kind: 'uuid' };
    case 'bytea':
      return { kind: 'bytes', maxBytes: null };
    case 'date':
      return { kind: 'date' };
    case 'time':
    case 'timetz':
      return { kind: 'time' };
    case 'timestamp':
      return { kind: 'timestamp', zoned: false };
    case 'timestamptz':
      return { kind: 'timestamp', zoned: true };
    case 'json':
      return { kind: 'json', takesNul: true };
    case 'jsonb':
      return { kind: 'json', takesNul: false };
    default:
      return { kind: 'other', takesNul: false };
  }
}

function numericType(modifier: number): ColumnType {
  if (modifier < 0) return { kind: 'decimal', precision: null, scale: 0, special: true };
  // Scale: the lower 11 bits, with a sign since PostgreSQL 15.
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  return { kind: 'decimal', precision: ((modifier - 4) >> 16) & 0xffff, scale, special: false };
}
