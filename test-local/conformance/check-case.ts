/** Whether a case passes, in every way to spread the work; else what is wrong, in words. */
import { answerCase } from './answer-case.ts';
import { firstDifference } from './answer-line.ts';
import { readCase } from './case.ts';
import { loadProgram, programPath } from './load-program.ts';

/** Null: it passes. */
export async function checkCase(name: string, folder: string): Promise<string | null> {
  const path = programPath(name, folder);
  if (path === null) return `no program: there is neither ${name}/program.ts in the suite nor programs/${name}.ts`;
  try {
    const given = readCase(folder);
    const program = await loadProgram(path);
    for await (const { execution, lines } of answerCase(program, given)) {
      const difference = firstDifference(given.expected, lines);
      if (difference !== null) {
        const { at, expected, got } = difference;
        return `first difference at ${at} (${execution})\n  expected: ${expected}\n  got:      ${got}`;
      }
    }
    return null;
  } catch (thrown) {
    return thrown instanceof Error ? `it threw ${thrown.stack ?? thrown.message}` : `it threw ${String(thrown)}`;
  }
}
