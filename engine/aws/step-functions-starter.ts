/** MachineStarter on Step Functions. */
import { StartExecutionCommand, type SFNClient } from '@aws-sdk/client-sfn';
import { ConfigError } from '../model/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { callAws, nameOf, type CallLimits } from './aws-call.ts';
import type { MachineStarter } from './machine-starter.ts';

/** Somebody waits for the answer, and a tick comes within the minute. */
const LIMITS: CallLimits = { attempts: 5, firstDelayMs: 50, maxDelayMs: 1_000 };

export class StepFunctionsStarter implements MachineStarter {
  readonly #client: Pick<SFNClient, 'send'>;
  readonly #clock: Pick<Clock, 'sleep'>;

  /** The client is made with `maxAttempts: 1`. */
  constructor(client: Pick<SFNClient, 'send'>, clock: Pick<Clock, 'sleep'>) {
    this.#client = client;
    this.#clock = clock;
  }

  async start(machine: string, execution: string, input: string): Promise<'started' | 'already'> {
    const command = new StartExecutionCommand({ stateMachineArn: machine, name: execution, input });
    try {
      await callAws(`StartExecution of ${machine}`, this.#clock, () => this.#client.send(command), LIMITS);
      return 'started';
    } catch (error) {
      if (nameOf(error) === 'ExecutionAlreadyExists') return 'already';
      if (nameOf(error) === 'StateMachineDoesNotExist')
        throw new ConfigError(`there is no machine ${machine}.`, {}, error);
      throw error;
    }
  }
}
