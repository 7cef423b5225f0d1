/** Names say the concept; files are found by their names; exports are named. */
import { PUBLIC_ENTRY } from '../layers.ts';
import { lineOf, type Project, type SourceFile, type Violation } from '../project.ts';

const EMPTY_WORDS = new Set(['manager', 'helper', 'helpers', 'util', 'utils', 'common', 'base', 'impl']);
const KEBAB_PATH = /^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|config|d))?\.ts$/;
/** A conformance program has the name of its case. */
const PROGRAM = /^test-local\/conformance\/programs\/[a-z0-9_]+\.ts$/;
const EXPORTED_CLASS = /\bexport\s+(?:declare\s+)?(?:abstract\s+)?class\s+([\w$]+)/g;
const LISTED_EXPORT = /\bexport\s*\{([^}]*)\}/g;
const ANY_CLASS = /\bclass\s+([\w$]+)/g;

export function emptyNames(project: Project): Violation[] {
  return project.sources.flatMap((file) => [
    ...file.path
      .replace(/\.ts$/, '')
      .split(/[/.-]/)
      .filter((word) => EMPTY_WORDS.has(word.toLowerCase()))
      .map((word) => violation('empty-names', file, 0, `"${word}" in a path says nothing; name the concept`)),
    ...exportedClasses(file).flatMap(({ name, offset }) =>
      name
        .split(/(?=[A-Z])|_/)
        .filter((word) => EMPTY_WORDS.has(word.toLowerCase()))
        .map((word) => violation('empty-names', file, offset, `"${word}" in ${name} says nothing; name the concept`)),
    ),
  ]);
}

function exportedClasses(file: SourceFile): { name: string; offset: number }[] {
  const code = file.blanked.code;
  const listed = [...code.matchAll(LISTED_EXPORT)].flatMap((match) => match[1]!.split(/[\s,]+/));
  return [
    ...[...code.matchAll(EXPORTED_CLASS)].map((match) => ({ name: match[1]!, offset: match.index })),
    ...[...code.matchAll(ANY_CLASS)]
      .filter((match) => listed.includes(match[1]!))
      .map((match) => ({ name: match[1]!, offset: match.index })),
  ];
}

export function kebabCase(project: Project): Violation[] {
  return project.sources
    .filter((file) => !KEBAB_PATH.test(file.path) && !PROGRAM.test(file.path))
    .map((file) => violation('kebab-case', file, 0, 'folders and files are kebab-case'));
}

export function defaultExports(project: Project): Violation[] {
  return project.sources
    .filter((file) => !file.path.endsWith('.config.ts'))
    .flatMap((file) =>
      [...file.blanked.code.matchAll(/\bexport\s+default\b|\bexport\s*\{[^}]*\bas\s+default\b/g)].map((match) =>
        violation('default-exports', file, match.index, 'export it by name'),
      ),
    );
}

/** `index.ts` stands only at the package's public entries, and lists what it offers. */
export function entries(project: Project): Violation[] {
  return project.sources
    .filter((file) => /(?:^|\/)index\.ts$/.test(file.path))
    .flatMap((file) => {
      if (!PUBLIC_ENTRY.test(file.path)) {
        return [
          violation('entries', file, 0, 'index.ts only at public entries; import the file that defines the thing'),
        ];
      }
      return [...file.blanked.code.matchAll(/\bexport\s*(?:type\s*)?\*/g)].map((match) =>
        violation('entries', file, match.index, 'a public entry lists names; no export *'),
      );
    });
}

function violation(rule: string, file: SourceFile, offset: number, message: string): Violation {
  return { rule, path: file.path, line: lineOf(file.text, offset), message };
}
