/** What a source's deserializer makes of records, before there are splits. */
import type { LineFormat } from '../../../formats/decoder.ts';
import type { ValueFormat } from '../../../formats/value-format.ts';
import { LineRows } from './line-rows.ts';
import { valueRows, wholeRecordRows } from './record-rows.ts';
import type { RecordDeserializer, RowMaker } from './row-maker.ts';

export interface RowMaking {
  /** In each process before the first record; repeated, it does nothing. */
  open(): Promise<void>;
  /** One for each split that is opened. */
  maker(topic: string, partition: number): RowMaker;
}

export function rowsOfValues(format: ValueFormat<unknown>): RowMaking {
  return {
    open: async () => await format.open?.(),
    maker: () => (readsLines(format) ? new LineRows(format) : valueRows(format)),
  };
}

export function rowsOfRecords(deserializer: RecordDeserializer<unknown>): RowMaking {
  return {
    open: async () => await deserializer.open?.(),
    maker: (topic, partition) => wholeRecordRows(deserializer, topic, partition),
  };
}

function readsLines(format: ValueFormat<unknown> | LineFormat<unknown>): format is LineFormat<unknown> {
  return 'lineDecoder' in format && format.breaksAreBlank === true;
}
