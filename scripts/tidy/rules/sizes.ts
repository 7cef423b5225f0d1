/** One concept a file, and functions that fit on a screen or two. */
import { functionsOf } from '../functions.ts';
import { isTest, lineOf, type Project, type SourceFile, type Violation } from '../project.ts';

export const MAX_FILE_LINES = 400;
export const MAX_FUNCTION_LINES = 70;

/** A callback that holds test cases is a list, not a function; the cases themselves are measured. */
const SUITE = /\b(?:describe|it|test)(?:\.\w+)*\s*[(`]/;

export function fileLength(project: Project): Violation[] {
  return project.sources.flatMap((file) => {
    const lines = file.text.trimEnd().split('\n').length;
    if (lines <= MAX_FILE_LINES) return [];
    return [
      { rule: 'file-length', path: file.path, line: lines, message: `${lines} lines; at most ${MAX_FILE_LINES}` },
    ];
  });
}

export function functionLength(project: Project): Violation[] {
  return project.sources.flatMap((file) => longFunctions(file));
}

function longFunctions(file: SourceFile): Violation[] {
  return functionsOf(file).flatMap(({ start, end }) => {
    const line = lineOf(file.text, start);
    const lines = lineOf(file.text, end) - line + 1;
    if (lines <= MAX_FUNCTION_LINES) return [];
    if (isTest(file.path) && SUITE.test(file.blanked.code.slice(start, end))) return [];
    const message = `a function of ${lines} lines; at most ${MAX_FUNCTION_LINES}`;
    return [{ rule: 'function-length', path: file.path, line, message }];
  });
}
