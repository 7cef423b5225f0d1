/** A worker thread of a fanned-out epoch: builds the job from its module and answers the main thread's calls, one after another. */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { ConfigError, MillraceError } from '../model/errors.ts';
import { AttemptFailure } from '../runtime/epoch-runner.ts';
import { attemptFailure } from '../runtime/failures.ts';
import { SubtaskHost } from '../runtime/fan-out/subtask-host.ts';
import type { RunnerOptions } from '../runtime/runner-options.ts';
import { DiskBlobStore } from './disk-blob-store.ts';
import { openDiskLog } from './disk-log.ts';
import { SystemClock } from './system-clock.ts';
import { warnOf } from './warn-of.ts';
import type { Answer, Call, FailureMessage, WorkerSetup } from './worker-messages.ts';

type Graph = RunnerOptions['graph'];
/** The part of a job module that matters here. */
interface BuiltJob {
  instantiate(overrides: Readonly<Record<string, string>>): { setParallelism(n: number): unknown; toJobGraph(): Graph };
}

const port = parentPort!;
const setup = workerData as WorkerSetup;
let hasDeadLetters = false;

async function build(): Promise<SubtaskHost> {
  const module = (await import(setup.jobUrl)) as { default?: BuiltJob; job?: BuiltJob };
  const job = module.default ?? module.job;
  if (job === undefined) throw new ConfigError(`${setup.jobUrl} exports no job`);
  const env = job.instantiate(setup.overrides);
  if (setup.parallelism !== null) env.setParallelism(setup.parallelism);
  const graph = env.toJobGraph();
  if (graph.hash !== setup.graphHash) {
    throw new ConfigError(
      `job "${setup.job}" builds another graph in a worker than in the main thread: build(env, config) must depend on its arguments only.`,
    );
  }
  hasDeadLetters = graph.hasDeadLetters;
  const blobs = new DiskBlobStore(join(setup.stateDir, 'state'));
  const log = await openDiskLog(join(setup.stateDir, 'log'));
  return new SubtaskHost({ job: setup.job, graph, clock: new SystemClock(), blobs, log, notice: warnOf }, setup.index);
}

function failureOf(thrown: unknown): FailureMessage {
  const failure = thrown instanceof AttemptFailure ? thrown : attemptFailure(thrown, null, hasDeadLetters);
  const { cause } = failure;
  const kind = cause instanceof MillraceError ? cause.name : 'Error';
  return { message: failure.message, stack: failure.stack, retryable: failure.retryable, poison: failure.poison, kind };
}

/** Blocks are given away, not copied. */
function buffersIn(value: unknown): ArrayBuffer[] {
  const { blocks } = (value ?? {}) as { blocks?: readonly { readonly bytes: Uint8Array }[] };
  return (blocks ?? []).map((block) => block.bytes.buffer as ArrayBuffer);
}

async function serve(host: SubtaskHost): Promise<void> {
  let last: Promise<unknown> = Promise.resolve();
  const answer = async ({ id, name, args }: Call): Promise<void> => {
    try {
      const value: unknown = await (host[name] as (...args: unknown[]) => unknown).apply(host, [...args]);
      port.postMessage({ id, ok: true, value } satisfies Answer, buffersIn(value));
    } catch (thrown) {
      port.postMessage({ id, ok: false, failure: failureOf(thrown) } satisfies Answer);
    }
    if (name === 'close') port.close();
  };
  port.on('message', (call: Call) => {
    // Stopping must not wait for what it stops.
    if (call.name === 'stopReading') host.stopReading();
    else last = last.then(() => answer(call));
  });
  port.postMessage({ id: 0, ok: true } satisfies Answer);
}

try {
  await serve(await build());
} catch (thrown) {
  port.postMessage({ id: 0, ok: false, failure: failureOf(thrown) } satisfies Answer);
  port.close();
}
