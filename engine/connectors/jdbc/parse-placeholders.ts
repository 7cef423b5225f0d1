/** A statement with `?` for values, as JDBC writes it: `??` is a question mark. What is quoted or a comment is left alone. */
import { ConfigError } from '../../model/errors.ts';

export interface StatementText {
  /** Text around the values: one more than there are values. */
  readonly parts: readonly string[];
}

const TOKENS =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|--[^\n]*|\/\*[\s\S]*?\*\/|(\$[A-Za-z_]*\$)[\s\S]*?\1|\?\?|\?/g;

export function parsePlaceholders(sql: string): StatementText {
  const parts: string[] = [];
  let part = '';
  let at = 0;
  for (const match of sql.matchAll(TOKENS)) {
    part += sql.slice(at, match.index);
    at = match.index + match[0].length;
    if (match[0] === '?') {
      parts.push(part);
      part = '';
    } else part += match[0] === '??' ? '?' : match[0];
  }
  parts.push((part + sql.slice(at)).replace(/[\s;]+$/, ''));
  if (parts.length === 1)
    throw new ConfigError(`The statement has no "?" that a row's value could stand for: ${sql.slice(0, 200)}`);
  return { parts };
}

/** With each value written by `placeholder`, counted from 1. */
export function withPlaceholders({ parts }: StatementText, placeholder: (n: number) => string): string {
  return parts.map((part, i) => (i === 0 ? part : placeholder(i) + part)).join('');
}
