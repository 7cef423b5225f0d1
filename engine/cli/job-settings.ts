/** Settings of a job from the command line (`--set name=value`) and the environment (`MILLRACE_SET_NAME`); the command line wins. */
import type { JobModule } from '../api/define-job.ts';
import { ConfigError } from '../model/errors.ts';

const PREFIX = 'MILLRACE_SET_';

/** Text values by setting name, for `JobModule.instantiate`. `MILLRACE_SET_EPOCH_MS` sets `epochMs`: case and underscores do not count. */
export function settingOverrides(
  job: JobModule,
  assignments: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const names = new Map(Object.keys(job.config).map((name) => [loose(name), name]));
  const overrides: Record<string, string> = {};
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(PREFIX) || value === undefined) continue;
    const name = names.get(loose(variable.slice(PREFIX.length)));
    if (name === undefined) {
      const known = [...names.values()];
      throw new ConfigError(
        `the environment has ${variable}, but job "${job.name}" has no such setting. ${known.length === 0 ? 'It has none.' : `It has: ${known.join(', ')}.`}`,
      );
    }
    overrides[name] = value;
  }
  for (const assignment of assignments) {
    const at = assignment.indexOf('=');
    if (at < 1) throw new ConfigError(`--set ${assignment}: write --set name=value.`);
    overrides[assignment.slice(0, at)] = assignment.slice(at + 1);
  }
  return overrides;
}

function loose(name: string): string {
  return name.replaceAll('_', '').toLowerCase();
}
