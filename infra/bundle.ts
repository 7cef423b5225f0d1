/**
 * The functions of a job as ESM modules with nothing but Node and their own code to load: one for those that run the job's code, its file included,
 * and a smaller one, the same for all jobs, for the others. Optional parts that a job does not reach are not in it; native modules are left out, and
 * their packages do without them.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown, type RolldownLog } from 'rolldown';
import { ConfigError } from '../engine/model/errors.ts';
import { ENTRY_POINTS, RUNS_JOB, type EntryPoint } from './functions.ts';

export interface Bundle {
  /** Exports a handler by the name of each of its functions. */
  readonly code: string;
  readonly bytes: number;
  readonly entries: readonly EntryPoint[];
  /** Files in it, relative to the working directory, largest first. */
  readonly contents: readonly { readonly file: string; readonly bytes: number }[];
}

const FOLDER = fileURLToPath(new URL('../functions/lambda/', import.meta.url));
/** What stands for the job in the sources of the entry points. */
const NO_JOB = `${FOLDER}job.ts`;
/** The module that exports them all. */
const ALL = '\0functions';
/** Found at run time where they are installed; the packages that look for them have plain JavaScript as well. */
const NATIVE = ['pg-native', 'msgpackr-extract', 'snappy', '@node-rs/crc32'];
/**
 * A library that needs files beside it, and would be a third of a bundle. In its place stands what says so, to whoever asks for the library or for what it
 * decompresses (engine/connectors/kafka/client: open-kafka-client.ts, compression.ts).
 */
const LEFT_OUT = '@platformatic/kafka';
const ITS_CLIENT = '/client/platformatic/platformatic-client.ts';
const NOT_HERE = `
  const notHere = () => { throw Object.assign(new Error('functions come without it'), { code: 'ERR_MODULE_NOT_FOUND' }); };
  export const openPlatformaticClient = notHere;
  export const compressionsAlgorithms = new Proxy({}, { get: notHere });
`;

/** `job`: a job file; null: the functions that run none. */
export async function bundleFunctions(job: string | null): Promise<Bundle> {
  const jobFile = job === null ? null : resolve(job);
  if (jobFile !== null && !existsSync(jobFile)) throw new ConfigError(`there is no job file "${job}".`);
  const entries = ENTRY_POINTS.filter((entry) => RUNS_JOB[entry] === (job !== null));
  const build = await rolldown({
    input: ALL,
    platform: 'node',
    external: NATIVE,
    // `import` and `require` are added by what a module is loaded with: pg takes its pool by `require`.
    resolve: { conditionNames: ['millrace-source', 'node'], mainFields: ['module', 'main'] },
    plugins: [
      {
        name: 'millrace-functions',
        resolveId: async (source, importer) => {
          if (source === ALL || source === LEFT_OUT) return source;
          if (jobFile === null || importer === undefined || !source.endsWith('/job.ts')) return null;
          return resolve(importer, '..', source) === NO_JOB ? jobFile : null;
        },
        load: (id) => {
          if (id === LEFT_OUT || id.endsWith(ITS_CLIENT)) return NOT_HERE;
          if (id !== ALL) return null;
          return entries
            .map((entry) => `export { handler as ${entry} } from ${JSON.stringify(`${FOLDER}${entry}.ts`)};`)
            .join('\n');
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
      entries,
      contents: Object.entries(chunk.modules)
        .map(([file, { renderedLength }]) => ({ file: file.replace(`${process.cwd()}/`, ''), bytes: renderedLength }))
        .filter(({ bytes }) => bytes > 0)
        .toSorted((a, b) => b.bytes - a.bytes),
    };
  } finally {
    await build.close();
  }
}

/** What a function's archive holds; its handler is `index.handler`. */
export function archiveFiles(entry: EntryPoint, { code }: Pick<Bundle, 'code'>): Readonly<Record<string, string>> {
  return { 'functions.mjs': code, 'index.mjs': `export { ${entry} as handler } from './functions.mjs';\n` };
}

/** A module that is missing would fail in the cloud. */
function told(level: string, { code, message }: RolldownLog): void {
  if (code === 'UNRESOLVED_IMPORT') throw new ConfigError(`the bundle would miss a module: ${message}`);
  if (level === 'warn') console.warn(message);
}
