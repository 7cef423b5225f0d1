/** A job file: a module whose default export, or export `job`, is what `defineJob` returned. */
import { statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Config, ConfigDefaults, JobModule } from '../api/define-job.ts';
import type { JobExecutionResult } from '../api/executor.ts';
import { ConfigError, messageOf } from '../model/errors.ts';
import { errorCodeOf } from './exit-codes.ts';

/**
 * A job file may export `report`: called by `millrace run` after the job has finished (its input has ended), with the result and the job's
 * settings; what it answers is printed.
 */
export type JobReport = (result: JobExecutionResult, config: Config<ConfigDefaults>) => string | Promise<string>;

export interface LoadedJob {
  readonly job: JobModule;
  readonly report: JobReport | null;
  /** Where worker threads import it from. */
  readonly url: string;
}

const EXTENSIONS = ['.ts', '.mts', '.js', '.mjs'];

/** `file` is relative to the working directory. Throws ConfigError that says what is wrong with it. */
export async function loadJob(file: string): Promise<LoadedJob> {
  const path = resolve(file);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined)
    throw new ConfigError(
      `there is no job file "${file}" (in ${process.cwd()}). Give the path of a module that exports a job.`,
    );
  if (!found.isFile() || !EXTENSIONS.includes(extname(path))) {
    throw new ConfigError(
      `"${file}" is no job file: give the path of a module (${EXTENSIONS.join(', ')}) that exports a job.`,
    );
  }
  const module = await importJob(file, path);
  const job = module['default'] ?? module['job'];
  if (!isJobModule(job)) {
    const names = Object.keys(module);
    throw new ConfigError(
      `"${file}" exports no job. Write \`export const job = defineJob({ name, build(env, config) { … } })\`, or make it the default export. It exports: ${names.length === 0 ? 'nothing' : names.join(', ')}.`,
    );
  }
  const { report } = module;
  if (report !== undefined && typeof report !== 'function') {
    throw new ConfigError(
      `"${file}" exports a "report" that is no function: it is called with the result and the job's settings, and returns text.`,
    );
  }
  return { job, report: (report as JobReport | undefined) ?? null, url: pathToFileURL(path).href };
}

async function importJob(file: string, path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    if (errorCodeOf(error) === 'config') throw error;
    throw new ConfigError(
      `the job file "${file}" cannot be imported: ${messageOf(error)}. (MILLRACE_DEBUG=1 shows where.)`,
      { file },
      error,
    );
  }
}

function isJobModule(value: unknown): value is JobModule {
  return typeof value === 'object' && value !== null && (value as Partial<JobModule>).__millraceJob === 1;
}
