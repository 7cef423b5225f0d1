/** All of AWS is gone at once, with every function and every execution; table and bucket are as they were. */
import { BOTH_MODES, type AwsFaultCase } from '../aws-case.ts';

const restarted: AwsFaultCase = {
  name: 'localstack-restarted',
  what: 'LocalStack killed in the middle of an epoch and started again, table and bucket restored; a new execution is started',
  checks: 'the job went on from the epoch where it was',
  variants: BOTH_MODES,
  // Another execution waits until the one that is gone would have been ended by Lambda.
  needs: { killsLocalStack: true, timeoutSeconds: 15 },
  async run(trial) {
    const run = await trial.start();
    await trial.afterEpochs(run, 2);
    const stop = trial.aws.coordinator.stopAt({ request: 'UpdateItem head committed', when: 'before' });
    await trial.feedUntil(stop, run);
    const before = (await trial.head())!.epoch;
    await trial.restartLocalStack();
    stop.lose();
    const after = (await trial.head())!.epoch;
    if (after < before || before < 2) throw new Error(`The job was at epoch ${before}, and is at ${after}.`);
    await trial.toTheEnd(await trial.start());
  },
};

export const cloudDeaths: readonly AwsFaultCase[] = [restarted];
