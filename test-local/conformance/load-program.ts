/** The program of a case: `program.ts` in the case's own folder (default export or `program`), else `programs/NAME.ts` here. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Program } from '../../engine/testing/program.ts';

const PROGRAMS = fileURLToPath(new URL('programs', import.meta.url));

export function programPath(name: string, caseFolder: string): string | null {
  const own = join(caseFolder, 'program.ts');
  if (existsSync(own)) return own;
  return ownProgramPath(name);
}

export function ownProgramPath(name: string): string | null {
  const path = join(PROGRAMS, `${name}.ts`);
  return existsSync(path) ? path : null;
}

export async function loadProgram(path: string): Promise<Program> {
  const module = (await import(pathToFileURL(path).href)) as { readonly default?: unknown; readonly program?: unknown };
  const program = module.default ?? module.program;
  if (!isProgram(program))
    throw new Error(`${path}: export defineProgram(({ streams }) => ({ main: … })) of "millrace/testing" as default`);
  return program;
}

function isProgram(value: unknown): value is Program {
  return typeof value === 'object' && value !== null && '__millraceProgram' in value;
}
