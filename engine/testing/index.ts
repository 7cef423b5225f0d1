/**
 * The test kit, for jobs and for connectors: runs a job in memory with chosen cuts, packing and deaths, and checks ports against their
 * contracts. (The contract suites need vitest: import them from the repository.)
 */
export { runInMemory, type InMemoryOptions, type InMemoryRun, type JobScope } from './run-in-memory.ts';
export type { CommittedRow } from './committed-rows.ts';
export { ManualClock } from './manual-clock.ts';
export { InstantClock } from './instant-clock.ts';
