/** The job that a module exports, as `millrace run` finds it: its default export, or `job`. */
import { ConfigError, type JobModule } from '../../engine/index.ts';

export function jobOf(module: Readonly<Record<string, unknown>>): JobModule {
  const job = module['default'] ?? module['job'];
  if (typeof job === 'object' && job !== null && (job as Partial<JobModule>).__millraceJob === 1)
    return job as JobModule;
  throw new ConfigError(
    `the bundled module exports no job, but ${Object.keys(module).join(', ') || 'nothing'}. Write \`export const job = defineJob({ … })\`.`,
  );
}
