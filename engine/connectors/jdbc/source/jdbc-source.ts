/**
 * The rows that a table or a statement has, in pieces that are read beside each other:
 *
 *     JdbcSource.builder().setConnection(connection).setTable('orders').setPartitionColumn('id', 8).build()
 *     JdbcSource.builder().setConnection(connection).setSql('SELECT * FROM orders WHERE id BETWEEN ? AND ?').setKeyFields('id')
 *       .setParameterValuesProvider(new JdbcNumericBetweenParametersProvider(1, 1_000_000).ofBatchNum(8)).build()
 *
 * Bounded. The bounds of the pieces are asked for when the job begins and recorded with it. Rows come in the order of the key, page by
 * page, each page in a transaction of its own: rows that are changed meanwhile are read as they are when their page is. Where the partition
 * column is the key and an integer, a position is a value of it, and exact whatever happens to other rows; else it is the number of
 * rows before, which is exact while no row before it comes or goes.
 */
import { createHash } from 'node:crypto';
import { ConfigError } from '../../../model/errors.ts';
import type { KnownSplits, Source, SourceContext, SplitReader, SplitSpec } from '../../../ports/source.ts';
import type { Dialect } from '../dialect.ts';
import { dialectOf } from '../dialects.ts';
import type { JdbcConnectionOptions } from '../jdbc-connection-options.ts';
import type { SqlResult } from '../session.ts';
import type { WireValue } from '../wire-value.ts';
import { encodeValue } from '../encode-value.ts';
import { JdbcSplitReader, type DatabaseRow, type SplitPages } from './jdbc-split-reader.ts';
import { boundsQuery, columnsQuery, pageQuery, tieQuery, type Base, type KeyColumn, type Page } from './page-query.ts';
import { cutRange, type JdbcParameterValuesProvider } from './parameters-provider.ts';
import type { BigIntegers } from './result-reader.ts';
import { SharedSession } from './shared-session.ts';
import { rangeBounds } from './range-bounds.ts';
import { checkSignature, detailsOf, WHOLE, type SplitDetails } from './split-details.ts';
import { unitsOf, type Units } from './value-units.ts';

export interface JdbcSourceOptions<T> {
  readonly connection: JdbcConnectionOptions;
  readonly table: string | null;
  readonly columns: readonly string[] | null;
  readonly sql: string | null;
  readonly keyFields: readonly string[] | null;
  readonly partition: { readonly column: string; readonly parts: number } | null;
  readonly parameters: JdbcParameterValuesProvider | null;
  readonly extract: (row: DatabaseRow) => T;
  readonly fetchSize: number;
  readonly bigIntegers: BigIntegers;
}

/** What the database says about what is read. */
interface Described {
  readonly base: Base;
  readonly key: readonly KeyColumn[];
  readonly partition: KeyColumn | null;
}

export class JdbcSource<T> implements Source<T> {
  declare readonly __type?: T;
  readonly description: string;
  readonly bounded = true;
  readonly #options: JdbcSourceOptions<T>;
  readonly #dialect: Dialect;
  readonly #session: SharedSession;
  readonly #signature: string;
  #described: Promise<Described> | null = null;

  /** Rows are objects with a field for each column, until `setResultExtractor` says otherwise. */
  static builder(): JdbcSourceBuilder<DatabaseRow> {
    return new JdbcSourceBuilder<DatabaseRow>({
      connection: null,
      table: null,
      columns: null,
      sql: null,
      keyFields: null,
      partition: null,
      parameters: null,
      extract: (row) => row,
      fetchSize: FETCH_SIZE,
      bigIntegers: 'number-or-bigint',
    });
  }

  /** Use `builder()`. */
  constructor(options: JdbcSourceOptions<T>) {
    this.#options = options;
    this.#dialect = dialectOf(options.connection.url);
    this.#session = new SharedSession(this.#dialect, options.connection);
    const { table, sql, columns, keyFields, partition, parameters } = options;
    this.description = `jdbc ${table ?? 'statement'} at ${options.connection.description}`;
    const pieces = [
      table,
      sql,
      columns,
      keyFields,
      partition,
      parameters?.getParameterValues().map(parameterTexts) ?? null,
    ];
    this.#signature = createHash('sha256').update(JSON.stringify(pieces)).digest('hex').slice(0, 12);
  }

  async validate(_ctx: SourceContext): Promise<void> {
    await this.#describe();
  }

  async discover(_ctx: SourceContext, known: KnownSplits = new Map()): Promise<readonly SplitSpec[]> {
    if (known.size > 0)
      return [...known].map(([id, { details }]) => {
        const spec = { id, startPosition: 0, ...(details === undefined ? {} : { details }) };
        checkSignature(detailsOf(spec), this.#signature, this.description);
        return spec;
      });
    const pieces = await this.#pieces();
    const digits = String(pieces.length).length;
    const name = (this.#options.table ?? 'statement').replace(/[^A-Za-z0-9._-]/g, '_');
    return pieces.map((piece, i) => ({
      id: `${name}-${String(i).padStart(digits, '0')}`,
      startPosition: 0,
      details: JSON.stringify({ ...piece, signature: this.#signature }),
    }));
  }

  async open(split: SplitSpec, position: number, _ctx: SourceContext): Promise<SplitReader> {
    const details = detailsOf(split);
    checkSignature(details, this.#signature, this.description);
    return new JdbcSplitReader(this.#pagesOf(split.id, details, await this.#describe()), position);
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  #describe(): Promise<Described> {
    this.#described ??= this.#ask().catch((thrown: unknown) => {
      this.#described = null;
      throw thrown;
    });
    return this.#described;
  }

  async #ask(): Promise<Described> {
    const { table, sql, keyFields, partition, columns, parameters } = this.#options;
    const base: Base =
      sql === null ? { kind: 'table', sqlName: this.#dialect.quoteName(table!), columns } : { kind: 'query', sql };
    const key = await this.#keyOf(base);
    const sample = parameters?.getParameterValues()[0];
    const result = await this.#session.read(
      columnsQuery(this.#dialect, base, sample === undefined ? [] : parameterTexts(sample)),
      this.description,
    );
    const columnOf = (name: string, what: string): KeyColumn => {
      const column = result.columns.find((one) => one.name === name);
      if (column !== undefined) return { name, kind: this.#dialect.results.kindOf(column) };
      throw new ConfigError(
        `${this.description}: there is no column ${name}, which ${what} names; it has ${result.columns.map((one) => one.name).join(', ')}.`,
      );
    };
    const keys = key.map((name) => columnOf(name, 'setKeyFields()'));
    const inexact = keys.find(({ kind }) => kind === 'float' || kind === 'other');
    if (inexact !== undefined)
      throw new ConfigError(
        `${this.description}: the key field ${inexact.name} cannot be compared exactly. Key fields are integers, decimals, texts, dates or timestamps${keyFields === null ? ': name some with setKeyFields()' : ''}.`,
      );
    if (partition !== null) return { base, key: keys, partition: columnOf(partition.column, 'setPartitionColumn()') };
    const only = keys.length === 1 && keys[0]!.kind === 'integer' && parameters === null ? keys[0]! : null;
    return { base, key: keys, partition: only };
  }

  /** Of the table's unique keys the shortest, where the user names none. */
  async #keyOf(base: Base): Promise<readonly string[]> {
    const { keyFields, table: name } = this.#options;
    if (base.kind === 'query') return keyFields!;
    const table = await this.#session.with(
      this.description,
      async (session) => await this.#dialect.table(session, name!),
    );
    if (table === null)
      throw new ConfigError(`${this.description}: there is no table ${name!}. Correct setTable(); names are exact.`);
    if (keyFields !== null) return keyFields;
    const keys = table.uniqueKeys.filter((key) => key.every((column) => table.columns.get(column)?.nullable === false));
    const key = keys.toSorted((a, b) => a.length - b.length)[0];
    if (key !== undefined) return key;
    throw new ConfigError(
      `${this.description}: the table has no unique key over columns that are NOT NULL, so its rows have no order to go on in. Call setKeyFields() with columns that tell rows apart.`,
    );
  }

  async #pieces(): Promise<readonly Omit<SplitDetails, 'signature'>[]> {
    const { parameters, partition: asked } = this.#options;
    if (parameters !== null)
      return parameters.getParameterValues().map((values) => ({ ...WHOLE, parameters: parameterTexts(values) }));
    const { base, key, partition } = await this.#describe();
    if (partition === null) return [WHOLE];
    const units = unitsOf(partition.kind, this.#dialect.zonedInstants);
    if (units === null)
      throw new ConfigError(
        `${this.description}: the partition column ${partition.name} is no number, date or timestamp, so it cannot be cut into ranges.`,
      );
    const [row] = (await this.#session.read(boundsQuery(this.#dialect, base, partition.name), this.description)).rows;
    const [min, max, nulls] = row!;
    const isKey = key.length === 1 && key[0]!.name === partition.name;
    const pieces = min === null ? [] : this.#ranges(String(min), String(max), units, asked?.parts ?? 1, isKey);
    const isWhole = pieces.some(({ from, to }) => from === null && to === null);
    if (String(nulls) !== '0' && !isWhole) pieces.push({ ...WHOLE, nulls: true });
    // A table without rows has one piece, which ends at once.
    return pieces.length > 0 ? pieces : [{ ...WHOLE, nulls: true }];
  }

  #ranges(min: string, max: string, units: Units, parts: number, isKey: boolean): Omit<SplitDetails, 'signature'>[] {
    const ranges = cutRange(this.#floor(min, units), this.#floor(max, units) + 1n, parts);
    const byKey =
      isKey && units.isInteger && ranges.every(({ from, to }) => to - from <= BigInt(Number.MAX_SAFE_INTEGER));
    return ranges.map(({ from, to }, i) => ({
      ...WHOLE,
      by: byKey ? 'key' : 'row',
      from: units.isRounded && i === 0 ? null : units.text(from),
      to: units.isRounded && i === ranges.length - 1 ? null : units.text(to),
    }));
  }

  #floor(value: string, units: Units): bigint {
    try {
      return units.floor(value);
    } catch (thrown) {
      throw new ConfigError(
        `${this.description}: the partition column ${this.#options.partition?.column ?? ''} has the value ${value}, and no ranges can be cut up to it. Take another column, or leave setPartitionColumn() out.`,
        { value },
        thrown,
      );
    }
  }

  #pagesOf(id: string, details: SplitDetails, { base, key, partition }: Described): SplitPages<T> {
    const { fetchSize, extract, bigIntegers } = this.#options;
    const where = `${this.description}, split ${id}`;
    const { parameters } = details;
    const first = details.by === 'key' ? BigInt(details.from!) : null;
    const boundsOf = (position: number, end: number | null): Page['bounds'] => {
      if (partition === null) return [];
      if (details.nulls) return [{ column: partition, operator: 'IS NULL', value: null }];
      return rangeBounds(partition, details, position, end);
    };
    return {
      fetchSize,
      extract,
      where,
      endPosition: first === null ? null : Number(BigInt(details.to!) - first),
      positionOf: first === null ? null : (values) => Number(BigInt(values[0] as string) - first),
      keyPositions: (result) => key.map(({ name }) => result.columns.findIndex((column) => column.name === name)),
      decoders: (result) => result.columns.map((column) => this.#dialect.results.decoder(column, bigIntegers)),
      fetch: async (after, position, end): Promise<SqlResult> => {
        const page: Page = {
          parameters,
          bounds: boundsOf(after === null ? position : 0, end),
          key,
          after,
          offset: after === null && first === null ? position : 0,
          limit: fetchSize + 1,
        };
        return await this.#session.read(pageQuery(this.#dialect, base, page), where);
      },
      isTie: async (after, next): Promise<boolean> => {
        const tie = tieQuery(this.#dialect, base, { parameters, bounds: boundsOf(0, null), key, after, next });
        return (await this.#session.read(tie, where)).rows.length > 0;
      },
    };
  }
}

interface Settings<T> extends Omit<JdbcSourceOptions<T>, 'connection'> {
  readonly connection: JdbcConnectionOptions | null;
}

const FETCH_SIZE = 5000;

/** Immutable: each method answers another builder. */
export class JdbcSourceBuilder<T> {
  readonly #settings: Settings<T>;
  constructor(settings: Settings<T>) {
    this.#settings = settings;
  }
  setConnection(connection: JdbcConnectionOptions): JdbcSourceBuilder<T> {
    return new JdbcSourceBuilder({ ...this.#settings, connection });
  }
  /** `columns`: default all; those of the key belong to them. */
  setTable(table: string, columns: readonly string[] | null = null): JdbcSourceBuilder<T> {
    return new JdbcSourceBuilder({ ...this.#settings, table, columns });
  }
  /** A SELECT, which is read as a table. `?` with `setParameterValuesProvider`. */
  setSql(sql: string): JdbcSourceBuilder<T> {
    return new JdbcSourceBuilder({ ...this.#settings, sql });
  }
  /** Columns that tell rows apart and order them. Default for a table: a unique key of it. */
  setKeyFields(...keyFields: readonly string[]): JdbcSourceBuilder<T> {
    return new JdbcSourceBuilder({ ...this.#settings, keyFields });
  }
  /** Cuts what there is between the column's smallest and largest value into so many ranges: a number, a date or a timestamp. */
  setPartitionColumn(column: string, parts: number): JdbcSourceBuilder<T> {
    if (!Number.isSafeInteger(parts) || parts < 1)
      throw new ConfigError(
        `setPartitionColumn("${column}", ${parts}): the number of ranges is a whole number from 1.`,
      );
    return new JdbcSourceBuilder({ ...this.#settings, partition: { column, parts } });
  }
  /** A split for each row of values. */
  setParameterValuesProvider(parameters: JdbcParameterValuesProvider): JdbcSourceBuilder<T> {
    return new JdbcSourceBuilder({ ...this.#settings, parameters });
  }
  /** A row of the job from a row of the database. What it throws makes the row a bad record. */
  setResultExtractor<U>(extract: (row: DatabaseRow) => U): JdbcSourceBuilder<U> {
    return new JdbcSourceBuilder<U>({ ...this.#settings, extract });
  }
  /** Rows of a page. Default 5000. */
  setResultSetFetchSize(fetchSize: number): JdbcSourceBuilder<T> {
    if (!Number.isSafeInteger(fetchSize) || fetchSize < 1)
      throw new ConfigError(`setResultSetFetchSize(${fetchSize}): a whole number from 1 is needed.`);
    return new JdbcSourceBuilder({ ...this.#settings, fetchSize });
  }
  /** 64-bit integers. Default: a number where that is exact, else a bigint. */
  setBigIntegers(bigIntegers: BigIntegers): JdbcSourceBuilder<T> {
    return new JdbcSourceBuilder({ ...this.#settings, bigIntegers });
  }
  build(): JdbcSource<T> {
    const { connection, table, sql, keyFields, partition, parameters } = this.#settings;
    if (connection === null)
      throw new ConfigError('JdbcSource has no connection: call setConnection(new JdbcConnectionOptionsBuilder()…).');
    if ((table === null) === (sql === null))
      throw new ConfigError("JdbcSource reads a table or a statement: call setTable('orders') or setSql('SELECT …').");
    if (sql !== null && keyFields === null)
      throw new ConfigError('JdbcSource with setSql() needs setKeyFields(): columns that tell its rows apart.');
    if (parameters !== null && (sql === null || partition !== null))
      throw new ConfigError(
        'setParameterValuesProvider() is for the "?" of setSql(), and stands instead of setPartitionColumn().',
      );
    return new JdbcSource({ ...this.#settings, connection });
  }
}

/** A provider's values as what a statement is sent. */
function parameterTexts(values: readonly unknown[]): (string | null)[] {
  return values.map((value) => encodeValue(value, { kind: 'other', takesNul: false }) as WireValue & (string | null));
}
