/** All keys of a stage that stand in the table: for a backend that keeps everything in memory. */
import type { StateTable, TablePlace } from '../../ports/state-table.ts';
import { isReserved, unpackKeyRecord } from '../../state/key-record.ts';
import type { StateReader } from '../../state/state-entries.ts';

/** The epoch of each key's record, by the key's canonical form: the log up to there is in it. */
export type RecordEpochs = ReadonlyMap<string, number>;

/** Of key groups [from, to). */
export async function scanRecords(
  table: StateTable,
  place: TablePlace,
  [from, to]: readonly [number, number],
  reader: Pick<StateReader, 'restore'>,
): Promise<RecordEpochs> {
  const epochs = new Map<string, number>();
  for (let keyGroup = from; keyGroup < to; keyGroup++) {
    for await (const page of table.scan(place, keyGroup)) {
      for (const { key: bytes, record } of page) {
        const { key, entries } = unpackKeyRecord(record.bytes!, `a key of operator "${place.operator}"`);
        for (const { name, sub, value } of entries.values())
          if (!isReserved(name)) reader.restore(key, name, sub, value);
        epochs.set(Buffer.from(bytes).toString('latin1'), record.epoch);
      }
    }
  }
  return epochs;
}
