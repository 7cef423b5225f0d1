/** `millrace topics`: what is in the embedded log, and a way to put something there. */
import { existsSync } from 'node:fs';
import { openDiskLog } from '../embedded/disk-log.ts';
import { ConfigError } from '../model/errors.ts';
import { murmur3 } from '../model/murmur3.ts';
import type { Log, LogRecord, NewLogRecord } from '../ports/log.ts';
import type { CliIo } from './cli-io.ts';
import { linesOf } from './input-lines.ts';
import { logFolder } from './stored-state.ts';

export interface TopicOptions {
  readonly state: string;
  readonly json?: boolean;
}

const APPEND_ROWS = 1000;
const FETCH_BYTES = 1024 * 1024;

export async function listTopics(options: TopicOptions, io: CliIo): Promise<void> {
  if (!existsSync(logFolder(options.state))) return;
  await withLog(options, async (log) => {
    for (const { name, partitions } of await log.topics()) {
      const ranges = await Promise.all(Array.from({ length: partitions }, (_, p) => log.offsets(name, p)));
      const records = ranges.reduce((sum, { earliest, latest }) => sum + latest - earliest, 0);
      if (options.json === true) printJson(io, { topic: name, partitions: ranges, records });
      else
        io.stdout.write(
          `${name}  ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}  ${records} records  ${ranges.map(({ earliest, latest }, p) => `${p}: [${earliest}, ${latest})`).join('  ')}\n`,
        );
    }
  });
}

export async function createTopic(
  name: string,
  options: TopicOptions & { readonly partitions: number },
  io: CliIo,
): Promise<void> {
  await withLog(options, async (log) => {
    const outcome = await log.createTopic(name, options.partitions);
    const known = outcome === 'exists' ? (await log.topics()).find((topic) => topic.name === name) : undefined;
    if (known !== undefined && known.partitions !== options.partitions) {
      throw new ConfigError(
        `topic "${name}" exists with ${known.partitions} partitions, not ${options.partitions}. The number cannot be changed; choose another name.`,
      );
    }
    if (options.json === true) printJson(io, { topic: name, partitions: options.partitions, outcome });
    else io.stdout.write(`${name}: ${outcome === 'created' ? 'created' : 'exists already'}\n`);
  });
}

export interface AppendOptions extends TopicOptions {
  readonly partition?: number;
  /** A field of JSON lines, whose text becomes the record's key and decides its partition. */
  readonly key?: string;
}

/** Each line of standard input is the value of a record. Without a key, records go round the partitions. */
export async function appendToTopic(name: string, options: AppendOptions, io: CliIo): Promise<void> {
  needLog(name, options);
  await withLog(options, async (log) => {
    const partitions = await partitionsOf(log, name);
    let batches = new Map<number, NewLogRecord[]>();
    let waiting = 0;
    let appended = 0;
    const flush = async (): Promise<void> => {
      await log.append([...batches].map(([partition, records]) => ({ topic: name, partition, records })));
      appended += waiting;
      waiting = 0;
      batches = new Map();
    };
    for await (const line of linesOf(io.stdin)) {
      const key = options.key === undefined ? null : keyOf(line, options.key);
      const partition =
        options.partition ?? (key === null ? (appended + waiting) % partitions : murmur3(key) % partitions);
      const records = batches.get(partition) ?? [];
      records.push({ timestamp: Date.now(), key, value: Buffer.from(line) });
      batches.set(partition, records);
      if (++waiting === APPEND_ROWS) await flush();
    }
    if (waiting > 0) await flush();
    if (options.json === true) printJson(io, { topic: name, appended });
    else io.stdout.write(`${name}: ${appended} records appended\n`);
  });
}

export interface ReadOptions extends TopicOptions {
  readonly partition?: number;
  readonly from?: number;
  readonly limit?: number;
}

/** Values as lines; with `--json` whole records. One partition after the other. */
export async function readTopic(name: string, options: ReadOptions, io: CliIo): Promise<void> {
  needLog(name, options);
  await withLog(options, async (log) => {
    const all = Array.from({ length: await partitionsOf(log, name) }, (_, p) => p);
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    for (const partition of options.partition === undefined ? all : [options.partition]) {
      const { earliest, latest } = await log.offsets(name, partition);
      for (let at = Math.max(earliest, options.from ?? 0); at < latest && left > 0;) {
        const records = await log.fetch(name, partition, at, latest, FETCH_BYTES);
        for (const record of records.slice(0, left))
          io.stdout.write(recordLine(partition, record, options.json === true));
        left -= records.length;
        at = records.at(-1)!.offset + 1;
      }
    }
  });
}

function recordLine(partition: number, record: LogRecord, json: boolean): string {
  const text = (bytes: Uint8Array | null): string | null =>
    bytes === null ? null : Buffer.from(bytes).toString('utf8');
  if (!json) return `${text(record.value) ?? ''}\n`;
  const headers = record.headers.map(([name, value]) => [name, text(value)]);
  return `${JSON.stringify({ partition, offset: record.offset, timestamp: record.timestamp, key: text(record.key), value: text(record.value), headers })}\n`;
}

function keyOf(line: string, field: string): Uint8Array {
  let value: unknown;
  try {
    value = (JSON.parse(line) as Record<string, unknown> | null)?.[field];
  } catch (error) {
    throw new ConfigError(`--key ${field} needs JSON lines, but this is none: ${line.slice(0, 200)}`, {}, error);
  }
  if (value === undefined || value === null)
    throw new ConfigError(`--key ${field}: this line has no such field: ${line.slice(0, 200)}`);
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
}

async function partitionsOf(log: Log, name: string): Promise<number> {
  const topics = await log.topics();
  const topic = topics.find((known) => known.name === name);
  if (topic !== undefined) return topic.partitions;
  const names = topics.map((known) => known.name);
  throw new ConfigError(
    `there is no topic "${name}". ${names.length === 0 ? 'There are none' : `There are: ${names.join(', ')}`}; \`millrace topics create ${name}\` makes it.`,
  );
}

/** Opening a log makes its folder: not for a name that was mistyped. */
function needLog(name: string, options: TopicOptions): void {
  if (existsSync(logFolder(options.state))) return;
  throw new ConfigError(
    `there is no topic "${name}": ${options.state} holds no log. Give another folder with --state, or \`millrace topics create ${name}\` makes it.`,
  );
}

async function withLog(options: TopicOptions, use: (log: Log) => Promise<void>): Promise<void> {
  const log = await openDiskLog(logFolder(options.state));
  try {
    await use(log);
  } finally {
    await log.close();
  }
}

function printJson(io: CliIo, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value)}\n`);
}
