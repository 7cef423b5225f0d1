/** What a run has written, read by clients that have nothing of ours in them: multisets of lines per topic and table. */
import { DEAD_LETTER_HEADERS } from '../../engine/connectors/kafka/index.ts';
import { delayRow } from '../jdbc/delay-row.ts';
import { readCommitted, type ReadRecord } from '../kafka/independent-reader.ts';
import { differences, multisetOf, sizeOf, type Multiset } from '../stored-rows.ts';
import { TABLE, TOPICS, type Target } from './ground.ts';

/** By topic or table. */
export type Results = ReadonlyMap<string, Multiset>;

export async function resultsOf(bootstrapServers: string, { inputTopic, topic, database }: Target): Promise<Results> {
  const results = new Map<string, Multiset>();
  const { rows } = await database.query<Record<string, unknown>>(`SELECT * FROM ${TABLE}`);
  results.set(`table ${TABLE}`, multisetOf(rows.map((row) => JSON.stringify(delayRow(row)))));
  for (const of of TOPICS) {
    const records = await readCommitted(bootstrapServers, `${topic}-${of}`);
    results.set(
      `topic ${of}`,
      multisetOf(records.map(of === 'dead-letters' ? (record) => letterText(record, inputTopic) : valueText)),
    );
  }
  return results;
}

const valueText = ({ value }: ReadRecord): string => value ?? 'null';

/** Without the time at which it was written, and the name of the topic that it was read from. */
function letterText({ headers, value }: ReadRecord, inputTopic: string): string {
  const { time: _, ...told } = DEAD_LETTER_HEADERS;
  const context = Object.values(told).map((name) => headers[name]?.replace(inputTopic, 'departures') ?? null);
  return JSON.stringify([...context, value]);
}

export interface Comparison {
  readonly what: string;
  readonly rows: number;
  readonly differences: readonly string[];
}

export function compare(expected: Results, found: Results): readonly Comparison[] {
  return [...expected].map(([what, rows]) => {
    const other = found.get(what) ?? multisetOf([]);
    return { what, rows: sizeOf(other), differences: differences(rows, other) };
  });
}
