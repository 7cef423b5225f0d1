/**
 * A job is a module (ARCHITECTURE section 9): it exports `defineJob({ name, build(env, config) })` as default or as `job`, and importing
 * it has no effect. The same module runs embedded, on Lambda and in tests.
 */
import { ConfigError } from '../model/errors.ts';
import { StreamExecutionEnvironment } from './environment.ts';

/** Settings of a job with their defaults; the defaults' types are the settings' types. */
export type ConfigDefaults = Readonly<Record<string, string | number | boolean | null>>;
/** `null` as a default: an optional string. */
export type Config<C extends ConfigDefaults> = { readonly [N in keyof C]: Widen<C[N]> };
type Widen<V> = V extends string ? string : V extends number ? number : V extends boolean ? boolean : string | null;

export interface JobModule {
  readonly name: string;
  /** Builds the graph in a fresh environment. `overrides`: text values by setting name, checked against the defaults. */
  readonly instantiate: (overrides?: Readonly<Record<string, string>>) => StreamExecutionEnvironment;
  readonly config: ConfigDefaults;
  /** The settings that the job is built with: defaults and checked overrides. */
  readonly resolve: (overrides: Readonly<Record<string, string>>) => Config<ConfigDefaults>;
  readonly __millraceJob: 1;
}

export function defineJob<const C extends ConfigDefaults = Record<never, never>>(definition: {
  readonly name: string;
  readonly config?: C;
  /** Global parallelism; `env.setParallelism` in `build` and `--parallelism` override it. */
  readonly parallelism?: number;
  readonly build: (env: StreamExecutionEnvironment, config: Config<C>) => void | undefined;
}): JobModule {
  const { name } = definition;
  if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(name)) {
    throw new ConfigError(
      `job name ${JSON.stringify(name)}: use 1 to 63 of a-z 0-9 . _ -, starting with a letter or digit; it becomes part of file and table names.`,
    );
  }
  const defaults: ConfigDefaults = definition.config ?? {};
  return {
    name,
    config: defaults,
    resolve: (overrides) => resolve(name, defaults, overrides),
    __millraceJob: 1,
    instantiate: (overrides = {}) => {
      const env = new StreamExecutionEnvironment(name);
      if (definition.parallelism !== undefined) env.setParallelism(definition.parallelism);
      definition.build(env, resolve(name, defaults, overrides) as Config<C>);
      return env;
    },
  };
}

function resolve(job: string, defaults: ConfigDefaults, overrides: Readonly<Record<string, string>>): ConfigDefaults {
  const out: Record<string, string | number | boolean | null> = { ...defaults };
  for (const [key, text] of Object.entries(overrides)) {
    if (!Object.hasOwn(defaults, key)) {
      const known = Object.keys(defaults);
      throw new ConfigError(
        `job "${job}" has no setting "${key}". ${known.length === 0 ? 'It has none.' : `It has: ${known.join(', ')}.`}`,
      );
    }
    out[key] = parse(job, key, text, defaults[key]!);
  }
  return out;
}

function parse(
  job: string,
  key: string,
  text: string,
  example: string | number | boolean | null,
): string | number | boolean {
  if (typeof example === 'number') {
    const n = Number(text);
    if (text.trim() === '' || !Number.isFinite(n))
      throw new ConfigError(`job "${job}": setting "${key}" is a number; got ${JSON.stringify(text)}.`);
    return n;
  }
  if (typeof example === 'boolean') {
    if (text !== 'true' && text !== 'false')
      throw new ConfigError(`job "${job}": setting "${key}" is true or false; got ${JSON.stringify(text)}.`);
    return text === 'true';
  }
  return text;
}
