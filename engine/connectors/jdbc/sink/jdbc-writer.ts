/** Rows as staged rows: each value in the form that its column reads, checked before the epoch is committed. */
import { messageOf } from '../../../model/errors.ts';
import type { SinkWriter, StagedOutput } from '../../../ports/sink.ts';
import type { ColumnType, TableColumn } from '../column-type.ts';
import { encodeValue } from '../encode-value.ts';
import { StagedRows, type StagedHeader } from './staged-rows.ts';
import type { TablePlan } from './jdbc-table.ts';

/** Adds a row to what is staged. */
export type StageRow<T> = (row: T, rows: StagedRows) => void;

export class JdbcWriter<T> implements SinkWriter<T> {
  failedRow = -1;
  readonly #stage: StageRow<T>;
  readonly #rows: StagedRows;

  constructor(header: StagedHeader, stage: StageRow<T>) {
    this.#stage = stage;
    this.#rows = new StagedRows(header);
  }
  get bytes(): number {
    return this.#rows.bytes;
  }
  write(values: readonly T[], _timestamps: Float64Array, n: number): void {
    for (let i = 0; i < n; i++) {
      this.failedRow = i;
      try {
        this.#stage(values[i]!, this.#rows);
      } catch (thrown) {
        this.#rows.cancelRow();
        throw thrown;
      }
      this.#rows.endRow();
    }
    this.failedRow = -1;
  }
  take(): StagedOutput {
    return this.#rows.take();
  }
  discard(): void {
    this.#rows.clear();
  }
}

export function tableStage<T>(plan: TablePlan<T>, columns: readonly TableColumn[]): StageRow<T> {
  const valuesOf = plan.columns.map(({ valueOf }) => valueOf);
  const isKey = columns.map(({ name }) => plan.key.includes(name));
  const { deleteWhen } = plan;
  return (row, rows) => {
    const isDelete = deleteWhen !== null && deleteWhen(row);
    rows.beginRow(isDelete ? 'delete' : 'write');
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c]!;
      if (isDelete && !isKey[c]!) {
        rows.add(null);
        continue;
      }
      const value = valuesOf[c]!(row);
      if (value === null && (isKey[c]! || !column.nullable))
        throw new Error(`column ${column.name} is ${isKey[c]! ? 'a key field' : 'NOT NULL'}, and the row has null`);
      try {
        rows.add(encodeValue(value, column.type));
      } catch (thrown) {
        throw new Error(`column ${column.name} (${column.sqlType}): ${messageOf(thrown)}`, { cause: thrown });
      }
    }
  };
}

export function queryStage<T>(valuesOf: (row: T) => readonly unknown[], types: readonly ColumnType[]): StageRow<T> {
  return (row, rows) => {
    const values = valuesOf(row);
    if (values.length !== types.length)
      throw new Error(`the statement has ${types.length} "?", and the row gave ${values.length} values`);
    rows.beginRow('write');
    for (const [i, value] of values.entries()) {
      try {
        rows.add(encodeValue(value, types[i]!));
      } catch (thrown) {
        throw new Error(`value ${i + 1} of the statement: ${messageOf(thrown)}`, { cause: thrown });
      }
    }
  };
}
