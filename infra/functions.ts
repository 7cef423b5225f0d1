/**
 * The functions of a job.
 *
 * | function      | invoked by                    | does                                                | may, besides its log                              |
 * |---------------|-------------------------------|-----------------------------------------------------|---------------------------------------------------|
 * | `coordinator` | the machines                  | plans, runs fused epochs, commits                   | items and objects; invokes `folder`               |
 * | `subtask`     | a Map, `dispatcher`           | one subtask of a stage                              | items and objects, no object's deletion           |
 * | `publisher`   | a Map                         | publishes slots of a committed epoch                | items; reads objects                              |
 * | `folder`      | `coordinator`                 | folds the log of state into its base                | items and objects, no object's deletion           |
 * | `dispatcher`  | a Map                         | invokes up to 40 subtasks                           | invokes `subtask`                                 |
 * | `doorbell`    | records of the job's topics   | starts the machine of a sleeping job                | reads items; starts the machine                   |
 * | `control`     | people, the machines          | commands and state                                  | items; reads objects; starts the machine          |
 *
 * Calls go one way down this list and no function invokes itself: AWS would stop the loop, and so do the roles.
 */
import type { MachineKind } from './job-machine.ts';
import {
  DELETE_OBJECTS,
  invoke,
  POLL_KAFKA_ACTIONS,
  READ_OBJECTS,
  readItems,
  readSecrets,
  startExecution,
  WRITE_OBJECTS,
  writeItems,
  writeLogs,
  type RoleSpec,
  type Statement,
} from './roles.ts';
import { logGroupOf } from './stack-names.ts';

export const ENTRY_POINTS = [
  'coordinator',
  'subtask',
  'publisher',
  'folder',
  'dispatcher',
  'doorbell',
  'control',
] as const;
export type EntryPoint = (typeof ENTRY_POINTS)[number];

/** Those that have the job's code in their bundle. */
export const RUNS_JOB: Readonly<Record<EntryPoint, boolean>> = {
  coordinator: true,
  subtask: true,
  publisher: true,
  folder: true,
  dispatcher: false,
  doorbell: false,
  control: false,
};

export interface FunctionSpec {
  readonly name: string;
  readonly entry: EntryPoint;
  /** Null: it runs no job. */
  readonly jobFile: string | null;
  readonly runtime: string;
  readonly architecture: 'arm64';
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly role: RoleSpec;
  readonly logGroup: string;
}

export interface FunctionsOf {
  readonly job: string;
  readonly jobFile: string;
  /** Which runs the job. */
  readonly machine: MachineKind;
  readonly coordinatorTimeoutSeconds?: number;
  readonly subtaskTimeoutSeconds?: number;
  readonly memoryMb?: number;
  readonly functionName: (entry: EntryPoint) => string;
  /** What `doorbell` and `control` start, by name, and its input. */
  readonly startsMachine: string;
  readonly input: string;
  /** References to secrets among the job's settings. */
  readonly secrets: readonly string[];
  /** Of every function. */
  readonly environment: Readonly<Record<string, string>>;
}

const RUNTIME = 'nodejs24.x';
const MEMORY_MB = 1024;
const PUBLISHER_MEMORY_MB = 512;
const SMALL_MEMORY_MB = 256;
/** Lambda's most is 900. An express execution has 300 for all its rounds (job-machine.ts). */
const TIMEOUT_SECONDS: Readonly<Record<MachineKind, Readonly<Record<EntryPoint, number>>>> = {
  EXPRESS: { coordinator: 60, subtask: 80, dispatcher: 95, publisher: 60, folder: 300, doorbell: 15, control: 30 },
  STANDARD: { coordinator: 600, subtask: 600, dispatcher: 630, publisher: 300, folder: 600, doorbell: 15, control: 30 },
};
/** What a dispatcher takes beyond its subtasks. */
const DISPATCH_SECONDS = 15;

export function functionSpecs(of: FunctionsOf): readonly FunctionSpec[] {
  const { job, jobFile, machine, functionName, startsMachine, memoryMb = MEMORY_MB } = of;
  const starts = { MILLRACE_MACHINE: startsMachine, MILLRACE_INPUT: of.input };
  const seconds = TIMEOUT_SECONDS[machine];
  const subtaskSeconds = of.subtaskTimeoutSeconds ?? seconds.subtask;
  const function_ = (entry: EntryPoint, own: OwnSpec): FunctionSpec => {
    const name = functionName(entry);
    const logGroup = logGroupOf(name);
    return {
      name,
      entry,
      jobFile: RUNS_JOB[entry] ? jobFile : null,
      runtime: RUNTIME,
      architecture: 'arm64',
      timeoutSeconds: own.timeoutSeconds ?? seconds[entry],
      memoryMb: own.memoryMb ?? memoryMb,
      environment: { ...of.environment, ...own.environment },
      role: {
        name,
        service: 'lambda.amazonaws.com',
        statements: [...own.may, ...(RUNS_JOB[entry] ? readSecrets(of.secrets) : []), writeLogs(logGroup)],
      },
      logGroup,
    };
  };
  const items = [readItems(job), writeItems(job)];
  return [
    function_('coordinator', {
      may: [...items, ...READ_OBJECTS, WRITE_OBJECTS, DELETE_OBJECTS, ...invoke(functionName('folder'))],
      environment: { MILLRACE_FOLDER: functionName('folder') },
      ...(of.coordinatorTimeoutSeconds === undefined ? {} : { timeoutSeconds: of.coordinatorTimeoutSeconds }),
    }),
    function_('subtask', { may: [...items, ...READ_OBJECTS, WRITE_OBJECTS], timeoutSeconds: subtaskSeconds }),
    function_('publisher', { may: [...items, ...READ_OBJECTS], memoryMb: Math.min(memoryMb, PUBLISHER_MEMORY_MB) }),
    function_('folder', { may: [...items, ...READ_OBJECTS, WRITE_OBJECTS] }),
    function_('dispatcher', {
      may: invoke(functionName('subtask')),
      environment: { MILLRACE_SUBTASK: functionName('subtask') },
      memoryMb: SMALL_MEMORY_MB,
      timeoutSeconds: subtaskSeconds + DISPATCH_SECONDS,
    }),
    function_('doorbell', {
      may: [readItems(job), startExecution(startsMachine), { actions: POLL_KAFKA_ACTIONS, on: { kind: 'kafka' } }],
      environment: starts,
      memoryMb: SMALL_MEMORY_MB,
    }),
    function_('control', {
      may: [...items, ...READ_OBJECTS, startExecution(startsMachine)],
      environment: starts,
      memoryMb: SMALL_MEMORY_MB,
    }),
  ];
}

interface OwnSpec {
  readonly may: readonly Statement[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly memoryMb?: number;
  readonly timeoutSeconds?: number;
}
