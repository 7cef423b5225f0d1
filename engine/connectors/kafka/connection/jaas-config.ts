/**
 * `sasl.jaas.config`: one login module and its options, e.g.
 * `org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="…";`
 * Read as Java's StreamTokenizer reads it: words, quoted strings with backslash escapes, a semicolon at the end. Error messages never quote the text.
 */
import { badProperty } from './property-reader.ts';

const PROPERTY = 'sasl.jaas.config';
const FLAGS: readonly string[] = ['required', 'requisite', 'sufficient', 'optional'];

export interface JaasConfig {
  /** Without its package: `PlainLoginModule`. */
  readonly loginModule: string;
  readonly options: ReadonlyMap<string, string>;
}

interface Token {
  readonly text: string;
  readonly quoted: boolean;
}

export function parseJaasConfig(text: string): JaasConfig {
  const tokens = tokensOf(text);
  if (!isMark(tokens.at(-1), ';')) throw badProperty(PROPERTY, 'must end with a semicolon');
  if (tokens.filter((token) => isMark(token, ';')).length > 1)
    throw badProperty(PROPERTY, 'must hold one login module');
  const [module, flag, ...rest] = tokens.slice(0, -1);
  if (module === undefined || flag === undefined || !FLAGS.includes(flag.text.toLowerCase()))
    throw badProperty(PROPERTY, `must begin with the login module's class and "required"`);
  return { loginModule: module.text.slice(module.text.lastIndexOf('.') + 1), options: optionsOf(rest) };
}

/** An option that the login module cannot do without. */
export function requiredOption(jaas: JaasConfig, name: string): string {
  const value = jaas.options.get(name);
  if (!value) throw badProperty(PROPERTY, `lacks the option ${name} of ${jaas.loginModule}`);
  return value;
}

function optionsOf(tokens: readonly Token[]): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (let at = 0; at < tokens.length; at += 3) {
    const [name, equals, value] = tokens.slice(at, at + 3);
    if (name === undefined || !isMark(equals, '=') || value === undefined || isMark(value, '='))
      throw badProperty(PROPERTY, `must hold options as name="value": option ${at / 3 + 1} is not`);
    options.set(name.text, value.text);
  }
  return options;
}

function isMark(token: Token | undefined, mark: string): boolean {
  return token !== undefined && !token.quoted && token.text === mark;
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  const pattern = /\s+|"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([=;])|([^\s"'=;]+)/gsy;
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    if (match === null) throw badProperty(PROPERTY, 'has a quote that is not closed');
    const quoted = match[1] ?? match[2];
    if (quoted !== undefined) tokens.push({ text: quoted.replaceAll(/\\(.)/gs, '$1'), quoted: true });
    const word = match[3] ?? match[4];
    if (word !== undefined) tokens.push({ text: word, quoted: false });
  }
  return tokens;
}
