/**
 * Wakes a job that sleeps: invoked with new records of its topics, in AWS's Kafka event shape,
 *
 *   { eventSource: 'aws:kafka' | 'SelfManagedKafka', bootstrapServers, records: { 'topic-0': [...] } }
 *
 * it starts the job's machine, and looks at no record: the epoch reads them where they are. A job that is awake, stopped or at its end is left
 * alone, and a process that has rung does not ring again for a while, because the execution that it started needs a moment to take the lease.
 *
 * A ring that is not heard, because the job was just about to fall asleep, is made up for by the next tick.
 */
import type { Clock } from '../../ports/clock.ts';
import { machineArn, type MachineStarter } from '../machine-starter.ts';
import { openAwsPorts, placeOf, required, type Environment, type OpenAwsPorts } from './aws-ports.ts';
import { isObject } from './carry-checks.ts';
import { wakefulnessOf, type Wakefulness } from './job-wakefulness.ts';
import type { LogLine } from './lambda.ts';

export interface DoorbellAnswer {
  readonly job: string;
  /** `rung`: the machine was started. `lately`: this process has just done so. Otherwise why not. */
  readonly did: 'rung' | 'lately' | Exclude<Wakefulness, 'asleep'>;
  readonly records: number;
}

export interface DoorbellHost {
  readonly clock: Clock;
  readonly env: Environment;
  readonly log: LogLine;
  readonly openStarter: () => MachineStarter & { quiesce(): void };
  /** Instead of AWS's: tests. */
  readonly openPorts?: OpenAwsPorts;
}

export interface FunctionContext {
  readonly invokedFunctionArn: string;
}

/** A hundred batches in this time are one ring. */
const RING_MS = 10_000;

export function doorbellOf(host: DoorbellHost): (event: unknown, context: FunctionContext) => Promise<DoorbellAnswer> {
  const { clock, env, log } = host;
  let rangAtMs = -Infinity;
  return async (event, context) => {
    const job = required(env, 'MILLRACE_JOB');
    const records = recordsIn(event);
    if (clock.monotonicMs() - rangAtMs < RING_MS) return { job, did: 'lately', records };
    const ports = (host.openPorts ?? openAwsPorts)(placeOf(env), clock);
    const starter = host.openStarter();
    try {
      const nowMs = clock.nowMs();
      const found = await wakefulnessOf(ports.store, job, nowMs);
      if (found === 'asleep') {
        const machine = machineArn(context.invokedFunctionArn, required(env, 'MILLRACE_MACHINE'));
        const name = `ring-${Math.floor(nowMs / RING_MS)}`;
        await starter.start(machine, name, required(env, 'MILLRACE_INPUT'));
        rangAtMs = clock.monotonicMs();
      }
      const answer = { job, did: found === 'asleep' ? 'rung' : found, records } as const;
      log('answer', answer.did, answer);
      return answer;
    } finally {
      ports.quiesce();
      starter.quiesce();
    }
  };
}

/** For the log. An event of another shape rings as well: whoever invokes the doorbell means the job. */
function recordsIn(event: unknown): number {
  const records = isObject(event) ? event['records'] : null;
  if (!isObject(records)) return 0;
  return Object.values(records).reduce((sum: number, some) => sum + (Array.isArray(some) ? some.length : 0), 0);
}
