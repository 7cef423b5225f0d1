/** Lines of a job's log (runtime/json-log.ts), read back: as JSON, or for people. */
import { watermarkText, whole } from './progress.ts';

export interface LogRecord {
  readonly time: number;
  readonly line: Readonly<Record<string, unknown>>;
}

/** Null: no line of ours. */
export function parseLogRecord(text: string): LogRecord | null {
  const start = text.indexOf('{');
  if (start < 0) return null;
  try {
    const line = JSON.parse(text.slice(start)) as Record<string, unknown>;
    const { time, kind } = line;
    return typeof time === 'number' && typeof kind === 'string' ? { time, line } : null;
  } catch {
    return null;
  }
}

/** Shown otherwise, or only with `--json`. */
const KNOWN = new Set([
  ...['time', 'level', 'kind', 'text', 'job', 'run', 'epoch', 'generation', 'stage', 'subtask', 'attempt'],
  ...['execution', 'requestId', 'function', 'pid', 'error', 'stack', 'status', 'counts', 'watermark', '_aws'],
]);
/** A metric's, in the line of an epoch. */
const METRIC = /^[A-Z]/;

/** One line, with its end; an error's stack below it. */
export function logText({ time, line }: LogRecord): string {
  const { level = 'info', kind, text = '', epoch } = line;
  const about = [whoOf(line), typeof epoch === 'number' ? `epoch ${epoch}:` : ''].filter((part) => part !== '');
  const said = kind === 'epoch' ? epochText(line) : `${wordOf(text)}${factsOf(line)}`;
  const head = [timeText(time), wordOf(level).padEnd(5), ...about, said].join(' ');
  const stack = kind === 'error' ? stackOf(line) : '';
  return `${head}\n${stack === '' ? '' : `${stack}\n`}`;
}

function epochText(line: LogRecord['line']): string {
  const { counts, watermark } = line;
  const named = typeof counts === 'object' && counts !== null ? (counts as Readonly<Record<string, unknown>>) : {};
  const count = (name: string): number => Number(named[name] ?? 0);
  const sums = [`${whole(count('recordsIn'))} records in`, `${whole(count('recordsOut'))} out`];
  const late = count('late') + count('lateDropped');
  if (late > 0) sums.push(`${whole(late)} late`);
  if (count('deadLettered') > 0) sums.push(`${whole(count('deadLettered'))} dead-lettered`);
  if (typeof watermark === 'number') sums.push(`watermark ${watermarkText(watermark)}`);
  if (watermark === 'end') sums.push('watermark end');
  return sums.join(', ');
}

/** `[subtask 3 of windows]` */
function whoOf({ function: name, stage, subtask }: LogRecord['line']): string {
  if (typeof name !== 'string') return '';
  const which = typeof subtask === 'number' ? ` ${subtask}` : '';
  return `[${name}${which}${typeof stage === 'string' ? ` of ${stage}` : ''}]`;
}

/** ` (reason: input is gone)` */
function factsOf(line: LogRecord['line']): string {
  const facts = Object.entries(line)
    .filter(([name, value]) => !KNOWN.has(name) && !METRIC.test(name) && value !== null)
    .map(([name, value]) => `${name}: ${wordOf(value)}`);
  return facts.length === 0 ? '' : ` (${facts.join(', ')})`;
}

function stackOf({ error, stack }: LogRecord['line']): string {
  const of = typeof error === 'object' && error !== null && 'stack' in error ? error.stack : stack;
  return typeof of === 'string' ? of.replaceAll(/^/gm, '  ') : '';
}

const wordOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
const timeText = (ms: number): string => new Date(ms).toISOString().slice(0, 23).replace('T', ' ');
