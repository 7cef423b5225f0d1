/**
 * Kafka client properties as Java's clients name them, read one by one. Each name that was asked for counts as understood; what is left over
 * at the end has no effect here and is told to the user. Messages name the property and never quote a value that may be secret.
 */
import { ConfigError } from '../../../model/errors.ts';

export type KafkaProperties = Readonly<Record<string, string>>;

export class PropertyReader {
  readonly #properties: KafkaProperties;
  readonly #read = new Set<string>();
  readonly #withoutEffect: string[] = [];

  constructor(properties: KafkaProperties) {
    this.#properties = properties;
  }

  /** The trimmed value; null where it is absent. An empty value is one (`ssl.endpoint.identification.algorithm=`). */
  text(name: string): string | null {
    this.#read.add(name);
    const value: unknown = Object.hasOwn(this.#properties, name) ? this.#properties[name] : undefined;
    if (value === undefined) return null;
    if (typeof value === 'string') return value.trim();
    throw badProperty(name, `must be a string, but is of type ${value === null ? 'null' : typeof value}`);
  }

  /** As `text`, but null where the value is empty too. */
  nonEmpty(name: string): string | null {
    return this.text(name) || null;
  }

  required(name: string, why: string): string {
    const value = this.nonEmpty(name);
    if (value === null) throw badProperty(name, `is missing: ${why}`);
    return value;
  }

  milliseconds(name: string): number | null {
    const value = this.nonEmpty(name);
    if (value === null) return null;
    if (!/^\d{1,10}$/.test(value)) throw badProperty(name, `must be a whole number of milliseconds, but is "${value}"`);
    return Number(value);
  }

  oneOf<const T extends string>(name: string, allowed: readonly T[], otherwise: T): T {
    const value = this.nonEmpty(name);
    if (value === null) return otherwise;
    const found = allowed.find((each) => each === value.toUpperCase());
    if (found === undefined) throw badProperty(name, `must be one of ${allowed.join(', ')}, but is "${value}"`);
    return found;
  }

  flag(name: string, otherwise: boolean): boolean {
    return this.oneOf(name, ['TRUE', 'FALSE'], otherwise ? 'TRUE' : 'FALSE') === 'TRUE';
  }

  /** These names are understood although nothing needs to be read: another part of the connector acts on them, or they only restate what is so. */
  understood(names: Iterable<string>): void {
    for (const name of names) this.#read.add(name);
  }

  /** The options inside a property: those that are not known count as left over. */
  optionsUnderstood(property: string, options: Iterable<string>, known: readonly string[]): void {
    for (const option of options) if (!known.includes(option)) this.#withoutEffect.push(`${property} (${option})`);
  }

  /** The names nobody asked for, sorted. */
  leftOver(): readonly string[] {
    const unread = Object.keys(this.#properties).filter((name) => !this.#read.has(name));
    return [...unread, ...this.#withoutEffect].toSorted();
  }
}

export function badProperty(name: string, what: string): ConfigError {
  return new ConfigError(`Kafka property "${name}" ${what}.`, { property: name });
}
