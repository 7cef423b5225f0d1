/** Stands for the job file that is bundled with an entry point: `infra/bundle.ts` puts the job's own file here. */
import { ConfigError, defineJob } from '../../engine/index.ts';

export const job = defineJob({
  name: 'no-job',
  build() {
    throw new ConfigError(
      'this function was bundled without a job: infra/bundle.ts puts the job file in place of this one.',
    );
  },
});
