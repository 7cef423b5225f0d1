/**
 * Paths and patterns → files → splits. A split's id is the file's path as it was found (relative to the working directory for a relative
 * pattern), so it is the same on every machine that runs the job in the same place; characters that ids may not hold are written `=XX`.
 */
import { globSync, readdirSync, statSync } from 'node:fs';
import { basename, join, normalize, resolve } from 'node:path';
import { ConfigError } from '../../model/errors.ts';
import type { SplitSpec } from '../../ports/source.ts';
import type { FileRange } from './file-split-reader.ts';
import { isGzip } from './line-input.ts';

/**
 * The files behind a path, a directory (all files in it, at any depth) or a pattern, ascending. Names that begin with `.` or `_` are left out,
 * unless named exactly: they are by convention not finished, or not data.
 */
export function findFiles(pathOrPattern: string): string[] {
  const stat = statSync(pathOrPattern, { throwIfNoEntry: false });
  if (stat?.isFile()) return [normalize(pathOrPattern)];
  if (stat?.isDirectory()) return filesIn(pathOrPattern).sort();
  const found: string[] = [];
  for (const match of globSync(pathOrPattern)) {
    const matched = statSync(match, { throwIfNoEntry: false });
    if (isHidden(match) || matched === undefined) continue;
    if (matched.isDirectory()) found.push(...filesIn(match));
    else if (matched.isFile()) found.push(normalize(match));
  }
  return [...new Set(found)].sort();
}

/** All files of several patterns, each once. */
export function findAllFiles(patterns: readonly string[]): string[] {
  const byPlace = new Map<string, string>();
  for (const path of patterns.flatMap(findFiles)) if (!byPlace.has(resolve(path))) byPlace.set(resolve(path), path);
  return [...byPlace.values()].sort();
}

/** Each split costs a reader and a place in every epoch's record. */
const MAX_SPLITS_PER_FILE = 10_000;

/** A file's splits: one, or ranges of about `splitBytes`. A gz file is never divided. `byRow`: positions are numbers of rows, not bytes. */
export function splitsOf(path: string, splitBytes: number | null, byRow = false): SplitSpec[] {
  const id = encodePath(path);
  const size = splitBytes === null || isGzip(path) ? 0 : statSync(path).size;
  if (splitBytes === null || size <= splitBytes) return [{ id, startPosition: 0 }];
  const count = Math.ceil(size / splitBytes);
  if (count > MAX_SPLITS_PER_FILE) {
    throw new ConfigError(
      `splitSize(${splitBytes}) cuts ${path} (${size} bytes) into ${count} splits; at most ${MAX_SPLITS_PER_FILE} a file. Give a larger size: a few splits for each subtask are enough.`,
      { path },
    );
  }
  return Array.from({ length: count }, (_, i) => {
    const from = i * splitBytes;
    return { id: `${id}#${from}-${Math.min(size, from + splitBytes)}`, startPosition: byRow ? 0 : from };
  });
}

/** What a split id says. */
export function rangeOf(id: string): FileRange {
  const match = /^([^#]+)(?:#(\d+)-(\d+))?$/.exec(id);
  if (match === null)
    throw new ConfigError(
      `the job's state knows a split "${id}", which is none of a file source: it was begun with another source under this uid. Take another --state folder, or give the new source a uid of its own.`,
    );
  const [, path, from, to] = match;
  return { path: decodePath(path!), from: Number(from ?? 0), to: to === undefined ? Infinity : Number(to) };
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (isHidden(path)) return [];
    if (entry.isDirectory()) return filesIn(path);
    return entry.isFile() || (entry.isSymbolicLink() && statSync(path, { throwIfNoEntry: false })?.isFile())
      ? [path]
      : [];
  });
}

function isHidden(path: string): boolean {
  const name = basename(path);
  return name.startsWith('.') || name.startsWith('_');
}

function encodePath(path: string): string {
  return path.replace(/[^A-Za-z0-9._/-]/gu, (c) =>
    [...Buffer.from(c)].map((b) => `=${b.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

function decodePath(id: string): string {
  const parts: number[] = [];
  for (let i = 0; i < id.length; i++) {
    if (id[i] === '=') {
      parts.push(parseInt(id.slice(i + 1, i + 3), 16));
      i += 2;
    } else parts.push(id.charCodeAt(i));
  }
  return Buffer.from(parts).toString();
}
