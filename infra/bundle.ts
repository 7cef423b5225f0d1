/**
 * A Lambda entry point and the job's file in one ESM module, with nothing but Node and its own code to load.
 * Optional parts that a job does not reach are not in it; native modules are left out, and their packages do without them.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown, type RolldownLog } from 'rolldown';
import { ConfigError } from '../engine/model/errors.ts';
import type { EntryPoint } from './topology.ts';

export interface Bundle {
  /** Of the function's archive: `index.mjs`; the handler is `index.handler`. */
  readonly code: string;
  readonly bytes: number;
  /** Files in it, relative to the working directory, largest first. */
  readonly contents: readonly { readonly file: string; readonly bytes: number }[];
}

const ENTRY_POINTS = fileURLToPath(new URL('../functions/lambda/', import.meta.url));
/** What stands for the job in the sources of the entry points. */
const NO_JOB = `${ENTRY_POINTS}job.ts`;
/** Found at run time where they are installed; the packages that look for them have plain JavaScript as well. */
const NATIVE = ['pg-native', 'msgpackr-extract', 'snappy', '@node-rs/crc32'];

/** `job`: a job file; only entry points that run one need it. */
export async function bundleFunction(entry: EntryPoint, job: string | null = null): Promise<Bundle> {
  const jobFile = job === null ? null : resolve(job);
  if (jobFile !== null && !existsSync(jobFile)) throw new ConfigError(`there is no job file "${job}".`);
  const build = await rolldown({
    input: `${ENTRY_POINTS}${entry}.ts`,
    platform: 'node',
    external: NATIVE,
    resolve: { conditionNames: ['millrace-source', 'node', 'import', 'default'] },
    plugins: [
      {
        name: 'millrace-job',
        resolveId: async (source, importer) => {
          if (jobFile === null || importer === undefined || !source.endsWith('/job.ts')) return null;
          return resolve(importer, '..', source) === NO_JOB ? jobFile : null;
        },
      },
    ],
    onLog: (level, log) => told(level, log),
  });
  try {
    const { output } = await build.generate({
      format: 'esm',
      codeSplitting: false,
      // Names of classes are in error messages and in stored state.
      minify: { compress: true, mangle: { keepNames: true }, codegen: { removeWhitespace: true } },
    });
    const [chunk] = output;
    return {
      code: chunk.code,
      bytes: Buffer.byteLength(chunk.code),
      contents: Object.entries(chunk.modules)
        .map(([file, { renderedLength }]) => ({ file: file.replace(`${process.cwd()}/`, ''), bytes: renderedLength }))
        .filter(({ bytes }) => bytes > 0)
        .toSorted((a, b) => b.bytes - a.bytes),
    };
  } finally {
    await build.close();
  }
}

/** A module that is missing would fail in the cloud. */
function told(level: string, { code, message }: RolldownLog): void {
  if (code === 'UNRESOLVED_IMPORT') throw new ConfigError(`the bundle would miss a module: ${message}`);
  if (level === 'warn') console.warn(message);
}
