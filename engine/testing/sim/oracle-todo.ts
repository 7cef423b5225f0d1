import type { JobInWorld } from './coordinator-process.ts';
export function checkOracle(_job: JobInWorld): void {}
