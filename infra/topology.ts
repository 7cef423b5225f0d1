/**
 * What a job needs in an AWS account, as data: for the CDK construct, the SST components and the tests' deployer alike. Names are physical;
 * `${…}` in a machine's definition is replaced by the ARN of the function with that name. No function is told a machine's ARN, which would be
 * a circle: those that start one derive it from their own.
 *
 * Both machines are always there, because they cost nothing while they stand still: the express one runs the epochs of a job without an end,
 * cheaply, as long as there is something to do; the standard one runs a bounded job to its end, and keeps commands with their history. `machine`
 * says which of them starts when the job is started. Only where that is the express one do ticks and the doorbell start it as well: a job that ends
 * needs no waking. So a backfill that is done goes on as a live job with a change of one word.
 */
import { ConfigError } from '../engine/model/errors.ts';
import { functionSpecs, type EntryPoint, type FunctionSpec } from './functions.ts';
import type { InvokedFunction } from './invocations.ts';
import { jobMachine, type MachineKind } from './job-machine.ts';
import { DELIVER_LOGS, invoke, startExecution, type RoleSpec } from './roles.ts';
import { jobNames, stackNames } from './stack-names.ts';
import type { Definition } from './states-language.ts';

export interface JobDeployment {
  readonly job: string;
  /** Begins all names: several deployments in one account. */
  readonly stack: string;
  /** The one that runs the job: EXPRESS where it has no end. */
  readonly machine: MachineKind;
  /** Job file, for the bundler. */
  readonly jobFile: string;
  /** What executions are started with, by ticks, the doorbell and `start`. */
  readonly input?: ExecutionInput;
  /** Secrets that settings in an object refer to; those by value are found. */
  readonly secrets?: readonly string[];
  readonly coordinatorTimeoutSeconds?: number;
  readonly subtaskTimeoutSeconds?: number;
  /** Of the functions that run the job's code. */
  readonly memoryMb?: number;
  /** Topics whose records wake the job; null: ticks alone do. */
  readonly wakeBy?: WakingTopics | null;
}

/** Settings by value, or the name of an object that holds them. */
export interface ExecutionInput {
  readonly settings?: Readonly<Record<string, string>>;
  readonly settingsObject?: string;
  readonly limits?: Readonly<Record<string, number>>;
}

export interface WakingTopics {
  readonly topics: readonly string[];
  readonly cluster:
    | { readonly kind: 'msk'; readonly arn: string }
    | { readonly kind: 'self-managed'; readonly bootstrapServers: readonly string[] };
  /** Records are gathered so long before the doorbell rings: what a sleeping job's first record waits. */
  readonly windowSeconds?: number;
}

export interface TableSpec {
  readonly name: string;
  readonly partitionKey: string;
  readonly sortKey: string;
  /** Seconds since 1970 after which DynamoDB removes an item. */
  readonly expiryAttribute: string;
  readonly billing: 'PAY_PER_REQUEST';
}

export interface BucketSpec {
  readonly name: string;
  /** Of every object of the job's stack. */
  readonly prefix: string;
  /** Parts of uploads that were never completed go after so many days. */
  readonly abandonedUploadDays: number;
}

export interface LogGroupSpec {
  readonly name: string;
  readonly retentionDays: number;
}

export interface MachineSpec {
  readonly name: string;
  readonly kind: MachineKind;
  readonly definition: Definition;
  readonly role: RoleSpec;
  /** A standard execution has a history of its own; an express one is seen in logs only. */
  readonly logGroup: string | null;
}

/** Starts a machine again and again, by the clock (EventBridge Scheduler). */
export interface ScheduleSpec {
  readonly name: string;
  readonly everySeconds: number;
  readonly machine: string;
  readonly input: ExecutionInput;
  readonly role: RoleSpec;
}

/** Invokes a function with new records of topics, which it does not look at. */
export interface EventSourceSpec extends WakingTopics {
  readonly function: string;
  readonly batchSize: number;
  readonly windowSeconds: number;
  readonly startingPosition: 'LATEST';
}

export interface Topology {
  readonly job: string;
  readonly table: TableSpec;
  readonly bucket: BucketSpec;
  readonly functions: readonly FunctionSpec[];
  /** The one that runs the job first. */
  readonly machines: readonly MachineSpec[];
  readonly schedules: readonly ScheduleSpec[];
  readonly eventSources: readonly EventSourceSpec[];
  readonly logGroups: readonly LogGroupSpec[];
}

/** As engine/aws/dynamodb-state-table.ts writes it. */
const EXPIRY_ATTRIBUTE = 'x';
/** ARCHITECTURE section 7: a minute or less. */
const TICK_SECONDS = 60;
const WINDOW_SECONDS = 5;
/** A ring is a ring: the fewer invocations the better. */
const BATCH_SIZE = 10_000;
const ABANDONED_DAYS = 2;
const LOG_DAYS = 14;
/** Lambda's; a machine's may be longer. */
const MOST_NAME_CHARACTERS = 64;

export function topologyOf(deployment: JobDeployment): Topology {
  const { job, stack, machine: runs, input = {}, wakeBy = null } = deployment;
  const checked = (text: string): string => {
    if (text.length <= MOST_NAME_CHARACTERS) return text;
    throw new ConfigError(`the name ${text} has over ${MOST_NAME_CHARACTERS} characters. Shorten the stack's name.`);
  };
  const names = { ...stackNames(stack), ...jobNames(stack, job) };
  const table: TableSpec = {
    name: checked(names.table),
    partitionKey: 'p',
    sortKey: 's',
    expiryAttribute: EXPIRY_ATTRIBUTE,
    billing: 'PAY_PER_REQUEST',
  };
  const bucket: BucketSpec = { name: checked(names.bucket), prefix: names.prefix, abandonedUploadDays: ABANDONED_DAYS };
  const machineNames: Readonly<Record<MachineKind, string>> = {
    STANDARD: checked(names.job),
    EXPRESS: checked(names.epochs),
  };
  const functions = functionSpecs({
    ...deployment,
    functionName: (entry) => checked(names.functionOf(entry)),
    startsMachine: machineNames[runs],
    environment: {
      MILLRACE_TABLE: table.name,
      MILLRACE_BUCKET: bucket.name,
      MILLRACE_PREFIX: bucket.prefix,
      MILLRACE_JOB: job,
    },
    input: JSON.stringify(input),
    secrets: [...Object.values(input.settings ?? {}), ...(deployment.secrets ?? [])],
  });
  const other: MachineKind = runs === 'EXPRESS' ? 'STANDARD' : 'EXPRESS';
  const machines = [runs, other].map((kind) => machineSpec(kind, machineNames[kind], functions));
  const waking = runs === 'EXPRESS';
  return {
    job,
    table,
    bucket,
    functions,
    machines,
    schedules: waking ? [tick(checked(names.tick), machineNames.EXPRESS, input)] : [],
    eventSources: waking && wakeBy !== null ? [eventSource(wakeBy, functionOf(functions, 'doorbell'))] : [],
    logGroups: [
      ...functions.map(({ logGroup }) => logGroup),
      ...machines.flatMap(({ logGroup }) => (logGroup === null ? [] : [logGroup])),
    ].map((group) => ({ name: group, retentionDays: LOG_DAYS })),
  };
}

export function functionOf(functions: readonly FunctionSpec[], entry: EntryPoint): FunctionSpec {
  return functions.find((spec) => spec.entry === entry)!;
}

function machineSpec(kind: MachineKind, name: string, functions: readonly FunctionSpec[]): MachineSpec {
  const invoked = (entry: EntryPoint): InvokedFunction => {
    const { name: of, timeoutSeconds } = functionOf(functions, entry);
    return { name: `\${${of}}`, timeoutSeconds };
  };
  const workers = {
    coordinator: invoked('coordinator'),
    subtask: invoked('subtask'),
    dispatcher: invoked('dispatcher'),
    publisher: invoked('publisher'),
    control: invoked('control'),
  };
  return {
    name,
    kind,
    definition: jobMachine({ kind, functions: workers }),
    role: {
      name,
      service: 'states.amazonaws.com',
      statements: [
        ...invoke(
          ...(Object.keys(workers) as (keyof typeof workers)[]).map((entry) => functionOf(functions, entry).name),
        ),
        startExecution(name),
        ...(kind === 'EXPRESS' ? [DELIVER_LOGS] : []),
      ],
    },
    logGroup: kind === 'EXPRESS' ? `/aws/vendedlogs/states/${name}` : null,
  };
}

function tick(name: string, machine: string, input: ExecutionInput): ScheduleSpec {
  return {
    name,
    everySeconds: TICK_SECONDS,
    machine,
    input,
    role: { name, service: 'scheduler.amazonaws.com', statements: [startExecution(machine)] },
  };
}

function eventSource(topics: WakingTopics, doorbell: FunctionSpec): EventSourceSpec {
  return {
    ...topics,
    function: doorbell.name,
    batchSize: BATCH_SIZE,
    windowSeconds: topics.windowSeconds ?? WINDOW_SECONDS,
    startingPosition: 'LATEST',
  };
}
