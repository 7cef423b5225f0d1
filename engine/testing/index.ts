/**
 * The test kit, for jobs, operators and connectors: harnesses for one operator, a whole job an epoch at a time or to its end with chosen
 * cuts, packing and deaths, and programs over recorded inputs. (The ports' contract suites need vitest: import them from the repository.)
 */
export { runInMemory, type InMemoryOptions, type InMemoryRun, type Packing } from './run-in-memory.ts';
export type { BuildJob, JobScope } from './in-memory-job.ts';
export { MiniRuntime, type EpochResult, type MiniRuntimeOptions, type ProcessOptions } from './mini-runtime.ts';
export type { InMemorySavepoint } from './in-memory-savepoint.ts';
export { TestSource, type TestSourceOptions } from './test-source.ts';
export { CommittedRows as TestSink, type CommittedRow } from './committed-rows.ts';
export { OneInputStreamOperatorTestHarness, TwoInputStreamOperatorTestHarness } from './input-test-harnesses.ts';
export {
  OperatorTestHarness,
  type HarnessOptions,
  type HarnessSnapshot,
  type TimestampedValue,
} from './operator-test-harness.ts';
export { ProcessFunctionTestHarnesses } from './process-function-test-harnesses.ts';
export { ManualClock } from './manual-clock.ts';
export { InstantClock } from './instant-clock.ts';
export {
  defineProgram,
  type ConformanceElement,
  type Program,
  type ProgramOutputs,
  type ProgramScope,
  type ProgramStreams,
} from './program.ts';
export {
  simulateJob,
  type SimulateOptions,
  type SimulationFailure,
  type SimulationReport,
} from './job-sim/simulate-job.ts';
export type { OutputDifference } from './job-sim/output-difference.ts';
export type { Trial } from './job-sim/trial.ts';
export {
  checkTwoPhaseCommitSink,
  type TwoPhaseCheckOptions,
  type TwoPhaseReport,
  type TwoPhaseSinkOnTrial,
} from './two-phase/check-two-phase-commit-sink.ts';
