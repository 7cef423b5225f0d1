/** What file sinks hold, as a multiset of lines per sink: the order of rows and how they are cut into files do not count. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** How often each line is there. */
export type Multiset = ReadonlyMap<string, number>;

/** Name of a published file: its run, epoch and slot. */
const PUBLISHED = /^[^.]+-(r\d{14}-[0-9a-z]+)-e(\d{10})-s(\d+)(\.\w+)?$/;

export interface PublishedFile {
  readonly sink: string;
  readonly name: string;
  readonly run: string;
  readonly epoch: number;
}

/**
 * Files of every sink, each a folder of the output or the output itself (''), without hidden ones: readers skip those too. Throws at a
 * file with a name that no sink gives: it would be output that nobody can explain.
 */
export function publishedFiles(output: string): readonly PublishedFile[] {
  if (!existsSync(output)) return [];
  const files = readdirSync(output, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.startsWith('.'),
  );
  return files.map(({ name, parentPath }) => {
    const match = PUBLISHED.exec(name);
    if (match === null) throw new Error(`${join(parentPath, name)} is no published file.`);
    return { sink: relative(output, parentPath), name, run: match[1]!, epoch: Number(match[2]) };
  });
}

export function rowsPerSink(output: string): ReadonlyMap<string, Multiset> {
  const rows = new Map<string, Map<string, number>>();
  for (const { sink, name } of publishedFiles(output)) {
    const text = readFileSync(join(output, sink, name), 'utf8');
    if (!text.endsWith('\n')) throw new Error(`${join(output, sink, name)} does not end with a whole line.`);
    const counts = rows.get(sink) ?? new Map<string, number>();
    rows.set(sink, counts);
    for (const line of text.slice(0, -1).split('\n')) add(counts, line);
  }
  return rows;
}

export function multisetOf(lines: Iterable<string>): Multiset {
  const counts = new Map<string, number>();
  for (const line of lines) add(counts, line);
  return counts;
}

/** Empty: the same rows, the same number of times. Else a line per row that is lost, duplicated or not expected. */
export function differences(expected: Multiset, actual: Multiset): readonly string[] {
  const found: string[] = [];
  for (const line of new Set([...expected.keys(), ...actual.keys()])) {
    const wanted = expected.get(line) ?? 0;
    const got = actual.get(line) ?? 0;
    if (wanted !== got) found.push(`expected ${wanted} ×, found ${got} ×: ${line}`);
  }
  return found;
}

export function sizeOf(rows: Multiset): number {
  let sum = 0;
  for (const n of rows.values()) sum += n;
  return sum;
}

function add(counts: Map<string, number>, line: string): void {
  counts.set(line, (counts.get(line) ?? 0) + 1);
}
