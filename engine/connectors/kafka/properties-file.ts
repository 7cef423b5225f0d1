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

/** `name=value` or `name: value`; `#` and `!` begin comments; a backslash at the end of a line goes on with the next. */
export function parseProperties(text: string): Readonly<Record<string, string>> {
  const properties: Record<string, string> = {};
  const lines = text.replaceAll(/(?<!\\)((?:\\\\)*)\\\r?\n[ \t\f]*/g, '$1').split(/\r?\n/);
  for (const line of lines) {
    const match = /^\s*(?![#!])((?:\\.|[^\s=:\\])+)\s*[=:]?\s*(.*)$/.exec(line);
    if (match !== null) properties[unescape(match[1]!)] = unescape(match[2]!);
  }
  return properties;
}

const ESCAPES: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

function unescape(text: string): string {
  return text.replaceAll(/\\u([0-9a-fA-F]{4})|\\(.)/g, (_, code: string | undefined, char: string | undefined) =>
    code === undefined ? (ESCAPES[char!] ?? char!) : String.fromCodePoint(Number.parseInt(code, 16)),
  );
}
