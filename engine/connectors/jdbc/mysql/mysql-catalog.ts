/** A table of MySQL's or MariaDB's catalog. */
import { integerType, isExact, type ColumnType, type TableCatalog, type TableColumn } from '../column-type.ts';
import type { JdbcSession, RawValue } from '../session.ts';
import { quoteMysql } from './mysql-statements.ts';

const COLUMNS = `
SELECT column_name, data_type, column_type, is_nullable, character_maximum_length, numeric_precision, numeric_scale, collation_name,
       column_default IS NOT NULL OR extra LIKE '%auto_increment%'
FROM information_schema.columns
WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? AND extra NOT LIKE '%GENERATED%' ORDER BY ordinal_position`;

const TRANSACTIONS = `
SELECT t.engine, e.transactions FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine
WHERE t.table_schema = COALESCE(?, DATABASE()) AND t.table_name = ?`;

const UNIQUE_KEYS = `
SELECT index_name, column_name, sub_part FROM information_schema.statistics
WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? AND non_unique = 0 ORDER BY index_name, seq_in_index`;

export async function mysqlTable(session: JdbcSession, name: string): Promise<TableCatalog | null> {
  const parts = name.split('.');
  const place = [parts.length > 1 ? parts[0]! : null, parts.at(-1)!];
  const columns = new Map<string, TableColumn>();
  for (const row of (await session.run(COLUMNS, place)).rows) {
    const described = describe(row);
    columns.set(described.name, columnOf(described));
  }
  if (columns.size === 0) return null;
  const keys = new Map<string, (string | null)[]>();
  for (const row of (await session.run(UNIQUE_KEYS, place)).rows) {
    const [index, column, part] = row.map(textOf);
    // A prefix or an expression is no column.
    keys.set(index!, [...(keys.get(index!) ?? []), part === null ? column! : null]);
  }
  const uniqueKeys = [...keys.values()].filter((key): key is string[] => key.every((column) => column !== null));
  const [engine, transactions] = (await session.run(TRANSACTIONS, place)).rows[0]?.map(textOf) ?? [null];
  const unsafe =
    engine === null || transactions === 'YES' ? null : `has the engine ${engine!}, which has no transactions`;
  return { sqlName: quoteMysql(name), columns, uniqueKeys, hasOtherKeys: uniqueKeys.length < keys.size, unsafe };
}

const textOf = (value: RawValue): string | null =>
  value === null ? null : value instanceof Uint8Array ? Buffer.from(value).toString() : String(value);

interface Described {
  readonly name: string;
  readonly dataType: string;
  readonly columnType: string;
  readonly nullable: boolean;
  readonly maxLength: number | null;
  readonly precision: number | null;
  readonly scale: number;
  readonly collation: string | null;
  readonly hasDefault: boolean;
}

function describe(row: readonly RawValue[]): Described {
  const [name, dataType, columnType, nullable, maxLength, precision, scale, collation, hasDefault] = row.map(textOf);
  return {
    name: name!,
    dataType: dataType!.toLowerCase(),
    columnType: columnType!.toLowerCase(),
    nullable: nullable === 'YES',
    maxLength: maxLength === null ? null : Number(maxLength),
    precision: precision === null ? null : Number(precision),
    scale: Number(scale ?? 0),
    collation: collation ?? null,
    hasDefault: hasDefault === '1',
  };
}

/** Of the others some compare without regard to case, and most without regard to blanks at the end (PAD SPACE). */
const EXACT_COLLATION = /^binary$|_0900_bin$|_nopad_bin$/;

function columnOf(described: Described): TableColumn {
  const type = mysqlType(described);
  const { collation } = described;
  return {
    name: described.name,
    type,
    sqlType: described.columnType,
    storedType: described.columnType,
    nullable: described.nullable,
    hasDefault: described.hasDefault,
    looseEquality: !isExact(type) || (collation !== null && !EXACT_COLLATION.test(collation)),
  };
}

const INTEGERS: Readonly<Record<string, number>> = { tinyint: 8, smallint: 16, mediumint: 24, int: 32, bigint: 64 };

export function mysqlType(column: Omit<Described, 'name' | 'nullable' | 'collation' | 'hasDefault'>): ColumnType {
  const { dataType, columnType, maxLength, precision, scale } = column;
  const bits = INTEGERS[dataType];
  if (bits !== undefined)
    return integerType(bits, {
      unsigned: columnType.includes('unsigned'),
      takesBoolean: columnType.startsWith('tinyint(1)'),
    });
  switch (dataType) {
    case 'float':
      return { kind: 'float', special: false, bytes: 4 };
    case 'double':
      return { kind: 'float', special: false, bytes: 8 };
    case 'decimal':
      return { kind: 'decimal', precision, scale, special: false };
    case 'char':
    case 'varchar':
      return { kind: 'text', maxLength, maxBytes: null, padded: dataType === 'char', takesNul: true };
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext':
      return { kind: 'text', maxLength: null, maxBytes: maxLength, padded: false, takesNul: true };
    case 'uuid':
      return { kind: 'uuid' };
    case 'binary':
      return { kind: 'bytes', maxBytes: maxLength, padTo: maxLength };
    case 'varbinary':
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
      return { kind: 'bytes', maxBytes: maxLength };
    case 'bit':
      return { kind: 'bits', bits: precision ?? 1 };
    case 'date':
      return { kind: 'date' };
    case 'time':
      return { kind: 'time' };
    case 'datetime':
    case 'timestamp':
      return { kind: 'timestamp', zoned: false };
    case 'json':
      return { kind: 'json', takesNul: true };
    default:
      return { kind: 'other', takesNul: true };
  }
}
