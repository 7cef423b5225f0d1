/** What the functions of a deployed job say, from CloudWatch Logs: a group for each function, merged by time. */
import {
  CloudWatchLogsClient,
  FilterLogEventsCommand,
  ResourceNotFoundException,
  type FilteredLogEvent,
  type FilterLogEventsCommandOutput,
} from '@aws-sdk/client-cloudwatch-logs';
import { ENTRY_POINTS } from '../../../infra/functions.ts';
import { jobNames, logGroupOf } from '../../../infra/stack-names.ts';
import { callAws } from '../../aws/aws-call.ts';
import { SystemClock } from '../../embedded/system-clock.ts';
import { parseLogRecord, type LogRecord } from '../log-record.ts';
import type { LogTail } from '../log-tail.ts';

/** Events may be late by so much, and out of order; within it they are told apart by their ids. */
const LATE_MS = 20_000;

interface Group {
  readonly name: string;
  readonly entry: string;
  fromMs: number;
  seen: Map<string, number>;
}

export class CloudWatchTail implements LogTail {
  readonly #client = new CloudWatchLogsClient({ maxAttempts: 1 });
  readonly #clock = new SystemClock();
  readonly #groups: readonly Group[];
  #keep: number;

  /** `keep`: of what is there at the first look, the last so many of each function. */
  constructor(stack: string, job: string, sinceMs: number, keep: number) {
    const { functionOf } = jobNames(stack, job);
    this.#keep = keep;
    this.#groups = ENTRY_POINTS.map((entry) => ({
      name: logGroupOf(functionOf(entry)),
      entry,
      fromMs: sinceMs,
      seen: new Map(),
    }));
  }

  async next(): Promise<readonly LogRecord[] | null> {
    const found = await Promise.all(this.#groups.map((group) => this.#newOf(group)));
    if (found.every((records) => records === null)) return null;
    this.#keep = Infinity;
    return found.flatMap((records) => records ?? []).toSorted((a, b) => a.time - b.time);
  }

  close(): void {
    this.#client.destroy();
  }

  /** Null: the function has never said anything. */
  async #newOf(group: Group): Promise<readonly LogRecord[] | null> {
    let records: LogRecord[] = [];
    let nextToken: string | undefined;
    do {
      const page = await this.#page(group, nextToken);
      if (page === null) return null;
      for (const event of page.events ?? []) {
        const record = take(group, event);
        if (record !== null) records.push(record);
      }
      if (records.length > 2 * this.#keep) records = records.slice(-this.#keep);
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    forget(group);
    return records.slice(-this.#keep);
  }

  /** Null: there is no such group. */
  async #page({ name, fromMs }: Group, nextToken: string | undefined): Promise<FilterLogEventsCommandOutput | null> {
    const from = { logGroupName: name, startTime: Math.max(0, fromMs) };
    const command = new FilterLogEventsCommand(nextToken === undefined ? from : { ...from, nextToken });
    return await callAws(`FilterLogEvents of ${name}`, this.#clock, async () => {
      try {
        return await this.#client.send(command);
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return null;
        throw error;
      }
    });
  }
}

/** Null: it was seen before, or is none of our business. */
function take(group: Group, { eventId = '', timestamp = 0, message = '' }: FilteredLogEvent): LogRecord | null {
  if (group.seen.has(eventId)) return null;
  group.seen.set(eventId, timestamp);
  return parseLogRecord(message) ?? platformRecord(message.trim(), timestamp, group.entry);
}

function forget(group: Group): void {
  const latest = Math.max(...group.seen.values());
  if (!Number.isFinite(latest)) return;
  group.fromMs = Math.max(group.fromMs, latest - LATE_MS);
  group.seen = new Map([...group.seen].filter(([, timestamp]) => timestamp >= group.fromMs));
}

/** Of every invocation, and nothing went wrong. */
const ROUTINE = /^(?:INIT_START|START|END|REPORT)\b/;
const FAILED = /\bStatus: (?:error|timeout)\b/;
const ERROR = /\b(?:Error|Exception|Runtime exited|timed out|signal: killed)\b/;

/** What Lambda itself says, and what is written past our log. */
function platformRecord(text: string, time: number, entry: string): LogRecord | null {
  if (text === '' || (ROUTINE.test(text) && !FAILED.test(text))) return null;
  const level = ERROR.test(text) || FAILED.test(text) ? 'error' : 'info';
  return { time, line: { time, level, kind: 'platform', text, function: entry } };
}
