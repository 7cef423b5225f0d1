/** Runs a program over a case as the suite says: a row is a cut, in the order of arrival, and each stream's end is a further cut. */
import { WatermarkStrategy } from '../../engine/time/watermark-strategy.ts';
import type { ConformanceElement, Program } from '../../engine/testing/program.ts';
import { runInMemory, type InMemoryRun } from '../../engine/testing/run-in-memory.ts';
import { RowScript } from '../../engine/testing/scripted-source.ts';
import { answerLine } from './answer-line.ts';
import type { Case } from './case.ts';

const OUT_OF_ORDERNESS_MS = 5000;

interface Execution {
  readonly name: string;
  readonly subtasks: number;
  /** Fanned out over so many; absent: fused. */
  readonly workers?: number;
}

/** Ways to spread the work over subtasks. Their answers are the same (E7a). */
const EXECUTIONS: readonly Execution[] = [
  { name: 'fused, 1 subtask', subtasks: 1 },
  { name: 'fused, 4 subtasks', subtasks: 4 },
  { name: 'fanned out, 2 workers', subtasks: 2, workers: 2 },
];

/** Sorted lines (`answerLine`), for each way to spread the work. */
export async function* answerCase(
  program: Program,
  given: Case,
): AsyncGenerator<{ readonly execution: string; readonly lines: readonly string[] }> {
  let first: InMemoryRun | null = null;
  for (const execution of EXECUTIONS) {
    // Fanned-out epochs are planned ahead: the ranges are those that the first run has read.
    const run = await runCase(program, given, execution, first);
    first ??= run;
    const lines = run.sinks.flatMap((sink) => run.rows(sink).map((row) => answerLine(row.epoch, sink, row.value)));
    yield { execution: execution.name, lines: lines.sort() };
  }
}

async function runCase(
  program: Program,
  { streams, order }: Case,
  { subtasks, workers }: Execution,
  cutLike: InMemoryRun | null,
): Promise<InMemoryRun> {
  const names = Object.keys(streams).sort();
  const script = new RowScript(streams, order);
  const strategy = WatermarkStrategy.forBoundedOutOfOrderness<ConformanceElement>(
    OUT_OF_ORDERNESS_MS,
  ).withTimestampAssigner((e) => e.ts);
  const run = await runInMemory(
    ({ env, sink }) => {
      const inputs = names.map((name) => [
        name,
        env.fromSource(script.source<ConformanceElement>(name), strategy, name),
      ]);
      const outputs = program.build(env, Object.fromEntries(inputs));
      for (const [output, rows] of Object.entries(outputs)) rows.sinkTo(sink(output));
    },
    {
      rowsPerEpoch: 1,
      subtasks,
      ...(workers === undefined ? {} : { workers }),
      ...(cutLike === null ? {} : { cutLike }),
      onEpoch: script.epochCommitted,
    },
  );
  const cuts = order.length + names.length;
  if (run.manifests.length !== cuts) throw new Error(`${run.manifests.length} epochs for ${cuts} cuts`);
  return run;
}
