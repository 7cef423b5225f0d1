/** What must not stand in a text, wherever it is. */
import { isTest, lineOf, type Project, type Violation } from '../project.ts';

/** A path of somebody's machine. Temporary folders come from `os.tmpdir()`. */
const MACHINE_PATH = /(?<![\w.)}*\]])\/(?:home|Users|work|root|tmp|mnt)\/[\w.-]|\b[A-Z]:\\\\?Users\b/g;
const NOT_RUN = /\b(?:describe|it|test|suite|bench)(?:\.\w+)*\.(only|skip|todo)\b/g;

/** So few files mean that the walk is broken, not that the tree is tidy. */
export const MIN_FILES = 30;

export function enoughFiles(project: Project): Violation[] {
  const count = project.sources.length;
  if (count >= MIN_FILES) return [];
  return [
    {
      rule: 'enough-files',
      path: '.',
      line: 1,
      message: `saw ${count} TypeScript files; expected ${MIN_FILES} or more`,
    },
  ];
}

export function machinePaths(project: Project): Violation[] {
  return [...project.sources, ...project.texts].flatMap((file) =>
    [...file.text.matchAll(MACHINE_PATH)].map((match) => ({
      rule: 'machine-paths',
      path: file.path,
      line: lineOf(file.text, match.index),
      message: `${match[0]}… exists on one machine only`,
    })),
  );
}

export function testsRun(project: Project): Violation[] {
  return project.sources
    .filter((file) => isTest(file.path))
    .flatMap((file) =>
      [...file.blanked.code.matchAll(NOT_RUN)].map((match) => ({
        rule: 'tests-run',
        path: file.path,
        line: lineOf(file.text, match.index),
        message: `.${match[1]!}: every test runs; assert a known defect with its reason instead`,
      })),
    );
}
