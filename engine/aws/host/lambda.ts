/** What Lambda gives a handler, as far as we use it, and what a function writes to its log: lines as runtime/json-log.ts has them. */
import { logLine, type LogContext, type LogLine } from '../../runtime/json-log.ts';
import { epochMetrics, type EpochFacts } from './epoch-metrics.ts';

export type { LogContext, LogLine } from '../../runtime/json-log.ts';

export interface LambdaContext {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

export interface JobLog extends LogLine {
  /** The same log; its lines are also about `context`. */
  with(context: LogContext): JobLog;
  /** The line of a committed epoch, with its metrics (epoch-metrics.ts). */
  metrics(facts: Omit<EpochFacts, 'about'>): void;
}

export function jsonLog(
  write: (line: string) => void,
  about: LogContext,
  nowMs: () => number = () => Date.now(),
): JobLog {
  const log: LogLine = (kind, text, data) => write(logLine(nowMs(), kind, text, about, data));
  return Object.assign(log, {
    with: (context: LogContext) => jsonLog(write, { ...about, ...context }, nowMs),
    metrics: (facts: Omit<EpochFacts, 'about'>) => write(epochMetrics({ ...facts, about: { ...about } })),
  });
}

/**
 * Past `console.log`, which Lambda's runtime patches: it puts a time and the request's id before the JSON, and CloudWatch would find no metrics.
 * Standard output is written before this answers, so that a process that is frozen next has said it.
 */
export function writeLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
