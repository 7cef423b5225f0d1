/**
 * A scanner just good enough to look for imports and braces: it knows comments, strings, templates and regular
 * expressions, and nothing else. TypeScript 7 has no compiler API, hence this.
 *
 * Invariant: both results have the length and the line breaks of the input, so offsets and line numbers carry over.
 */
export interface Blanked {
  /** Comments are blanks; strings as written. */
  readonly withStrings: string;
  /** Also the contents of strings, templates and regular expressions are blanks; their quotes stay. Code inside `${}` stays. */
  readonly code: string;
}

/** After these, `/` begins a regular expression; after a name, a number, `)` or `]` it divides. */
const BEFORE_REGEX =
  /(?:^|[=(,:;!&|?{}[+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|yield|await|delete|throw|new))\s*$/;

export function blank(text: string): Blanked {
  const withStrings = text.split('');
  const code = text.split('');
  /** One entry for each open template: how many braces are open inside its current `${}`. */
  const templates: number[] = [];
  let at = 0;

  const erase = (target: string[], from: number, to: number): void => {
    for (let i = from; i < to; i++) if (target[i] !== '\n') target[i] = ' ';
  };
  /** `from` is the first character of template text; leaves `at` behind the closing backquote or behind `${`. */
  const templateText = (from: number): void => {
    const end = endOfTemplateText(text, from);
    erase(code, from, end);
    if (text[end] === '`') at = end + 1;
    else {
      templates.push(0);
      at = end + 2;
    }
  };

  while (at < text.length) {
    const char = text[at]!;
    if (char === '/' && text[at + 1] === '/') {
      const end = indexOrEnd(text, '\n', at);
      erase(withStrings, at, end);
      erase(code, at, end);
      at = end;
    } else if (char === '/' && text[at + 1] === '*') {
      const end = Math.min(indexOrEnd(text, '*/', at + 2) + 2, text.length);
      erase(withStrings, at, end);
      erase(code, at, end);
      at = end;
    } else if (char === "'" || char === '"') {
      const end = endOfString(text, at);
      erase(code, at + 1, end);
      at = end + 1;
    } else if (char === '`') templateText(at + 1);
    else if (char === '/' && BEFORE_REGEX.test(code.slice(Math.max(0, at - 40), at).join(''))) {
      const end = endOfRegex(text, at);
      erase(code, at + 1, end);
      at = end + 1;
    } else {
      const open = templates.length - 1;
      if (open >= 0 && char === '{') templates[open]!++;
      if (open >= 0 && char === '}' && templates[open]!-- === 0) {
        templates.pop();
        templateText(at + 1);
      } else at++;
    }
  }
  return { withStrings: withStrings.join(''), code: code.join('') };
}

function indexOrEnd(text: string, what: string, from: number): number {
  const found = text.indexOf(what, from);
  return found < 0 ? text.length : found;
}

function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === text[start] || text[i] === '\n') return i;
  }
  return text.length;
}

function endOfTemplateText(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '`' || (text[i] === '$' && text[i + 1] === '{')) return i;
  }
  return text.length;
}

function endOfRegex(text: string, start: number): number {
  let inClass = false;
  for (let i = start + 1; i < text.length; i++) {
    const char = text[i];
    if (char === '\\') i++;
    else if (char === '\n') return i;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (char === '/' && !inClass) return i;
  }
  return text.length;
}
