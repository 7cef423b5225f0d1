/**
 * A case of the conformance suite: `input/STREAM.jsonl`, the order of arrival over all streams (`input/_order.txt`; without it one
 * stream after the other), and `expected.jsonl`, what Flink emitted: `{"at","stream","value"}`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { answerLine } from './answer-line.ts';

/** The suite beside the repository, or MILLRACE_CONFORMANCE. */
export const SUITE_FOLDER =
  process.env['MILLRACE_CONFORMANCE'] ?? fileURLToPath(new URL('../../../shared/conformance', import.meta.url));

export interface Case {
  readonly streams: Readonly<Record<string, readonly unknown[]>>;
  /** The stream that gives each row. */
  readonly order: readonly string[];
  /** Sorted lines (`answerLine`). */
  readonly expected: readonly string[];
}

export function caseNames(folder: string, prefix: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.startsWith(prefix))
    .map((entry) => entry.name)
    .sort();
}

export function readCase(folder: string): Case {
  const input = join(folder, 'input');
  const files = readdirSync(input).filter((file) => file.endsWith('.jsonl'));
  const streams = Object.fromEntries(files.sort().map((file) => [file.slice(0, -6), jsonLines(join(input, file))]));
  const orderFile = join(input, '_order.txt');
  const order = existsSync(orderFile)
    ? textLines(orderFile)
    : Object.keys(streams).flatMap((stream) => streams[stream]!.map(() => stream));
  for (const [stream, rows] of Object.entries(streams)) {
    const turns = order.filter((name) => name === stream).length;
    if (turns !== rows.length)
      throw new Error(`${input}: ${stream}.jsonl has ${rows.length} rows, _order.txt names it ${turns} times`);
  }
  const expected = jsonLines(join(folder, 'expected.jsonl')) as { at: number; stream: string; value: unknown }[];
  return { streams, order, expected: expected.map(({ at, stream, value }) => answerLine(at, stream, value)).sort() };
}

function jsonLines(path: string): unknown[] {
  return textLines(path).map((line): unknown => JSON.parse(line));
}

function textLines(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
