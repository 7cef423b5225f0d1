/**
 * A line of a job's log, the same from every host: a JSON object,
 *
 *   { time, level, kind, text, function?, job, run?, epoch?, generation?, stage?, subtask?, attempt?, execution?, requestId?, … }
 *
 * so that all lines about an epoch, whoever worked on it, are found by `job`, `run`, `epoch` and `generation`.
 */
export type LogKind = 'start' | 'notice' | 'epoch' | 'answer' | 'end' | 'error';
export type LogLevel = 'info' | 'warn' | 'error';

export type LogLine = (kind: LogKind, text: string, data: Readonly<Record<string, unknown>>) => void;

/** What lines are about: bound once, where it is known. */
export interface LogContext {
  readonly function?: string;
  readonly job?: string;
  readonly run?: string;
  readonly epoch?: number;
  readonly generation?: number;
  readonly stage?: string;
  readonly subtask?: number;
  readonly attempt?: string;
  /** Of the state machine. */
  readonly execution?: string;
  /** Of the Lambda invocation. */
  readonly requestId?: string;
  /** Of the embedded runtime. */
  readonly pid?: number;
}

/** Notices are what somebody may have to look at: re-plans, restarts, dead letters. */
const LEVEL: Readonly<Record<LogKind, LogLevel>> = {
  start: 'info',
  notice: 'warn',
  epoch: 'info',
  answer: 'info',
  end: 'info',
  error: 'error',
};

/** Lambda and CloudWatch Logs take lines of up to 256 KB. */
const MAX_LINE_CHARACTERS = 60_000;
const MAX_TEXT_CHARACTERS = 10_000;

/** Without its end. `data` adds to the line, and changes nothing of what the line itself is. */
export function logLine(
  timeMs: number,
  kind: LogKind,
  text: string,
  about: LogContext,
  data: Readonly<Record<string, unknown>>,
): string {
  const head = { time: timeMs, level: LEVEL[kind], kind, text };
  const line = JSON.stringify({ ...head, ...about, ...data, ...head }, readable);
  if (line.length <= MAX_LINE_CHARACTERS) return line;
  return JSON.stringify({ ...head, text: text.slice(0, MAX_TEXT_CHARACTERS), ...about, cut: line.length });
}

function readable(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { name, message, stack, ...(cause === undefined ? {} : { cause }) };
}
