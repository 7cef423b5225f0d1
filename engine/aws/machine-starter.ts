/** Starts executions of a job's state machine. What is started may run twice, or find that another has the job: it does not mind (E4). */
import { ConfigError } from '../model/errors.ts';

export interface MachineStarter {
  /**
   * `machine`: its ARN. A standard machine begins at most one execution of a name; `already` says that it has. An express machine begins one with
   * each call.
   */
  start(machine: string, execution: string, input: string): Promise<'started' | 'already'>;
}

/** `name`: of a machine in the account and region of a function. So no function needs to be told an ARN. */
export function machineArn(functionArn: string, name: string): string {
  const [arn, partition, , region, account] = functionArn.split(':');
  if (arn !== 'arn' || account === undefined) throw new ConfigError(`${functionArn} is no function's ARN.`);
  return `arn:${partition}:states:${region}:${account}:stateMachine:${name}`;
}
