/** A Java properties file (`client.properties`, as Kafka's own tools take it) as properties. */
import { readFileSync } from 'node:fs';
import { ConfigError, messageOf } from '../../model/errors.ts';

export function readPropertiesFile(path: string): Readonly<Record<string, string>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`the properties file ${path} cannot be read: ${messageOf(error)}.`, { path }, error);
  }
  return parseProperties(text);
}

/** `name=value` or `name: value`; `#` and `!` begin comments, of one line; a backslash at the end of a line goes on with the next. */
export function parseProperties(text: string): Readonly<Record<string, string>> {
  const properties: Record<string, string> = {};
  for (const line of logicalLines(text)) {
    const match = /^((?:\\.|[^\s=:\\])+)\s*[=:]?\s*(.*)$/.exec(line);
    if (match !== null) properties[unescape(match[1]!)] = unescape(match[2]!);
  }
  return properties;
}

/** Without comments, put together, without blanks at their beginnings. */
function logicalLines(text: string): readonly string[] {
  const lines: string[] = [];
  let begun = '';
  for (const line of text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/)) {
    const trimmed = line.replace(/^[ \t\f]+/, '');
    if (begun === '' && /^[#!]/.test(trimmed)) continue;
    const [backslashes] = /\\*$/.exec(trimmed)!;
    if (backslashes.length % 2 === 1) {
      begun += trimmed.slice(0, -1);
      continue;
    }
    lines.push(begun + trimmed);
    begun = '';
  }
  return begun === '' ? lines : [...lines, begun];
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

function unescape(text: string): string {
  return text.replaceAll(/\\u([0-9a-fA-F]{4})|\\(.)/g, (_, code: string | undefined, char: string | undefined) =>
    code === undefined ? (ESCAPES[char!] ?? char!) : String.fromCodePoint(Number.parseInt(code, 16)),
  );
}
