/**
 * Where the functions of a file begin and end, by counting braces. A body is the `{` after `=>`, or after the `)` of a
 * parameter list with an optional return type. Bodies without braces are one expression and are not counted.
 */
import type { SourceFile } from './project.ts';

export interface FunctionSpan {
  readonly start: number;
  readonly end: number;
}

const CONTROL = /\b(?:if|for|while|switch|catch|with|await)\s*$/;

export function functionsOf(file: SourceFile): FunctionSpan[] {
  const code = file.blanked.code;
  const pairs = pairUp(code);
  const spans: FunctionSpan[] = [];
  const add = (open: number): void => {
    const end = pairs.get(open);
    if (end !== undefined && !spans.some((span) => span.start === open)) spans.push({ start: open, end });
  };
  for (const match of code.matchAll(/=>\s*\{/g)) {
    add(match.index + match[0].length - 1);
  }
  for (const [open, close] of pairs) {
    if (code[open] !== '(' || CONTROL.test(code.slice(Math.max(0, open - 20), open))) continue;
    const body = bodyAfter(code, close, pairs);
    if (body !== undefined) add(body);
  }
  return spans.toSorted((a, b) => a.start - b.start);
}

/** Offset of each opening bracket → offset of its closing one. */
function pairUp(code: string): Map<number, number> {
  const pairs = new Map<number, number>();
  const open: number[] = [];
  for (let i = 0; i < code.length; i++) {
    const char = code[i]!;
    if ('([{'.includes(char)) open.push(i);
    else if (')]}'.includes(char)) {
      const start = open.pop();
      if (start !== undefined) pairs.set(start, i);
    }
  }
  return pairs;
}

/** The `{` of the body that follows a parameter list closing at `close`: directly, or behind a return type. */
function bodyAfter(code: string, close: number, pairs: ReadonlyMap<number, number>): number | undefined {
  let at = skipBlanks(code, close + 1);
  if (code[at] === '{') return at;
  if (code[at] !== ':') return undefined;
  let typeExpected = true;
  let angles = 0;
  for (at = skipBlanks(code, at + 1); at < code.length; at = skipBlanks(code, at + 1)) {
    const char = code[at]!;
    if (';)}]=?'.includes(char) && !code.startsWith('=>', at)) return undefined;
    if (char === ',' && angles === 0) return undefined;
    if (char === '{' && !typeExpected) return at;
    const end = '([{'.includes(char) ? pairs.get(at) : undefined;
    if (end !== undefined) {
      at = end;
      typeExpected = false;
    } else if (code.startsWith('=>', at)) {
      at++;
      typeExpected = true;
    } else if (/[\w$]/.test(char)) {
      const word = /^[\w$]+/.exec(code.slice(at, at + 80))![0];
      at += word.length - 1;
      typeExpected = /^(?:is|extends|keyof|readonly|asserts|typeof|infer)$/.test(word);
    } else {
      if (char === '<') angles++;
      if (char === '>') angles--;
      typeExpected = '|&<,'.includes(char);
    }
  }
  return undefined;
}

function skipBlanks(code: string, from: number): number {
  let at = from;
  while (at < code.length && /\s/.test(code[at]!)) at++;
  return at;
}
