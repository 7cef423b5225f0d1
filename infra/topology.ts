/**
 * What a job needs in an AWS account, as data: for the CDK construct, the SST components and the tests' deployer alike. Names are physical;
 * `${…}` in a machine's definition is replaced by the ARN of the function with that name.
 */
import { coordinatorMachine, type MachineKind } from './coordinator-machine.ts';
import type { Definition } from './states-language.ts';

export interface JobDeployment {
  readonly job: string;
  /** Begins all names: several deployments in one account. */
  readonly stack: string;
  readonly machine: MachineKind;
  /** Job file, for the bundler. */
  readonly jobFile: string;
  readonly coordinatorTimeoutSeconds?: number;
  readonly memoryMb?: number;
}

export type EntryPoint = 'coordinator' | 'control';

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
}

export interface TableSpec {
  readonly name: string;
  readonly partitionKey: string;
  readonly sortKey: string;
}

export interface BucketSpec {
  readonly name: string;
  /** Of every object of the job's stack. */
  readonly prefix: string;
  /** Parts of uploads that were never completed go after so many days. */
  readonly abandonedUploadDays: number;
}

export interface MachineSpec {
  readonly name: string;
  readonly kind: MachineKind;
  readonly definition: Definition;
  readonly role: RoleSpec;
  /** Seconds between two scheduled starts; null: it keeps itself running. */
  readonly tickSeconds: number | null;
}

/** What a statement is about; the deployer knows the ARNs. */
export type Target =
  | { readonly kind: 'table'; readonly leadingKeys: readonly string[] }
  | { readonly kind: 'objects' }
  | { readonly kind: 'object-names' }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'machine'; readonly name: string }
  | { readonly kind: 'logs'; readonly of: string };

export interface Statement {
  readonly actions: readonly string[];
  readonly on: Target;
}

export interface RoleSpec {
  readonly name: string;
  readonly service: 'lambda.amazonaws.com' | 'states.amazonaws.com';
  readonly statements: readonly Statement[];
}

export interface Topology {
  readonly job: string;
  readonly table: TableSpec;
  readonly bucket: BucketSpec;
  readonly functions: readonly FunctionSpec[];
  readonly machines: readonly MachineSpec[];
}

const RUNTIME = 'nodejs24.x';
/** Lambda's most is 900. */
const COORDINATOR_SECONDS = 600;
/** An express execution has 300 seconds for all its rounds. */
const EXPRESS_COORDINATOR_SECONDS = 60;
const CONTROL_SECONDS = 30;
const MEMORY_MB = 1024;
const CONTROL_MEMORY_MB = 256;
/** ARCHITECTURE section 7: a minute or less. */
const TICK_SECONDS = 60;
const ABANDONED_DAYS = 2;

export function topologyOf(deployment: JobDeployment): Topology {
  const { job, stack, machine, jobFile, memoryMb = MEMORY_MB } = deployment;
  const name = (of: string): string => `${stack}-${of}`;
  const table: TableSpec = { name: name('table'), partitionKey: 'p', sortKey: 's' };
  const bucket: BucketSpec = { name: name('state'), prefix: `${stack}/`, abandonedUploadDays: ABANDONED_DAYS };
  const environment = {
    MILLRACE_TABLE: table.name,
    MILLRACE_BUCKET: bucket.name,
    MILLRACE_PREFIX: bucket.prefix,
    MILLRACE_JOB: job,
  };
  const common = { runtime: RUNTIME, architecture: 'arm64', environment } as const;
  const coordinator: FunctionSpec = {
    ...common,
    name: name(`${job}-coordinator`),
    entry: 'coordinator',
    jobFile,
    timeoutSeconds:
      deployment.coordinatorTimeoutSeconds ??
      (machine === 'EXPRESS' ? EXPRESS_COORDINATOR_SECONDS : COORDINATOR_SECONDS),
    memoryMb,
    role: functionRole(name(`${job}-coordinator`), job),
  };
  const control: FunctionSpec = {
    ...common,
    name: name(`${job}-control`),
    entry: 'control',
    jobFile: null,
    timeoutSeconds: CONTROL_SECONDS,
    memoryMb: CONTROL_MEMORY_MB,
    role: functionRole(name(`${job}-control`), job),
  };
  return {
    job,
    table,
    bucket,
    functions: [coordinator, control],
    machines: [machineSpec(name(job), machine, coordinator)],
  };
}

function machineSpec(
  name: string,
  kind: MachineKind,
  { name: coordinator, timeoutSeconds }: FunctionSpec,
): MachineSpec {
  return {
    name,
    kind,
    definition: coordinatorMachine({ kind, coordinator: `\${${coordinator}}`, timeoutSeconds }),
    role: {
      name,
      service: 'states.amazonaws.com',
      statements: [
        { actions: ['lambda:InvokeFunction'], on: { kind: 'function', name: coordinator } },
        ...(kind === 'STANDARD'
          ? [{ actions: ['states:StartExecution'], on: { kind: 'machine', name } } satisfies Statement]
          : []),
      ],
    },
    tickSeconds: kind === 'EXPRESS' ? TICK_SECONDS : null,
  };
}

/** A job's functions see the job's own items only, and the list of names. */
function functionRole(name: string, job: string): RoleSpec {
  return {
    name,
    service: 'lambda.amazonaws.com',
    statements: [
      {
        actions: [
          'dynamodb:GetItem',
          'dynamodb:BatchGetItem',
          'dynamodb:Query',
          'dynamodb:PutItem',
          'dynamodb:UpdateItem',
          'dynamodb:DeleteItem',
          'dynamodb:BatchWriteItem',
        ],
        on: { kind: 'table', leadingKeys: [`${job}#*`, '#jobs'] },
      },
      {
        actions: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
        on: { kind: 'objects' },
      },
      { actions: ['s3:ListBucket'], on: { kind: 'object-names' } },
      { actions: ['logs:CreateLogStream', 'logs:PutLogEvents'], on: { kind: 'logs', of: name } },
    ],
  };
}
