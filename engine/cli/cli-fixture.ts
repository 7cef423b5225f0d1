/** The command as tests call it: in this process, its output kept. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CliIo } from './cli-io.ts';
import { runCli } from './program.ts';

const ENTRY = new URL('../index.ts', import.meta.url).href;

export interface CliAnswer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CliCall {
  readonly stdin?: string;
  readonly env?: CliIo['env'];
  /** Ctrl-C, when this is in what the command has said. */
  readonly interruptAt?: string;
}

export async function millrace(args: readonly string[], call: CliCall = {}): Promise<CliAnswer> {
  let out = '';
  let err = '';
  const { interruptAt } = call;
  let interrupt = (): void => undefined;
  let interrupted = false;
  const heard = (text: string): void => {
    if (interruptAt === undefined || interrupted || !text.includes(interruptAt)) return;
    interrupted = true;
    interrupt();
  };
  const code = await runCli(args, {
    stdout: {
      write: (text) => {
        out += text;
        heard(text);
      },
    },
    stderr: {
      // A terminal sees every epoch.
      isTTY: interruptAt !== undefined,
      columns: 200,
      write: (text) => {
        err += text;
        heard(text);
      },
    },
    stdin: (async function* () {
      yield call.stdin ?? '';
    })(),
    env: call.env ?? {},
    nowMs: () => performance.now(),
    onInterrupt: (callback) => {
      interrupt = callback;
      return () => undefined;
    },
  });
  return { code, out, err };
}

/** `build`: what stands in the job's `build(env, config)`. */
export async function writeJobFile(
  folder: string,
  name: string,
  build: string,
  config: string = '{}',
  more: string = '',
): Promise<string> {
  const path = join(folder, `${name}.ts`);
  const head = `import { defineJob } from ${JSON.stringify(ENTRY)};`;
  await writeFile(
    path,
    `${head}\nexport const job = defineJob({ name: '${name}', config: ${config}, build(env, config) { ${build} } });\n${more}`,
  );
  return path;
}
