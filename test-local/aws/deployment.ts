/**
 * Makes what a topology says in LocalStack, with SDK calls, and removes it. Roles are one for all, because LocalStack enforces none; schedules and
 * event sources, which it does not run, are driven by ticker.ts and doorbell-poller.ts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  InvokeCommand,
  ListFunctionsCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  DeleteLogGroupCommand,
  PutRetentionPolicyCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  ListTablesCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListBucketsCommand,
  paginateListObjectsV2,
  PutBucketLifecycleConfigurationCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { archiveFiles, bundleFunctions, type Bundle } from '../../infra/bundle.ts';
import type { EntryPoint, FunctionSpec } from '../../infra/functions.ts';
import type { MachineKind } from '../../infra/job-machine.ts';
import type { Definition } from '../../infra/states-language.ts';
import { functionOf, type MachineSpec, type Topology } from '../../infra/topology.ts';
import type { awsSettings } from './aws-settings.ts';
import { leftoversOf } from './leftovers.ts';
import { stepFunctions, type Execution, type StepFunctionsCall } from './step-functions.ts';
import { zipOf } from './zip.ts';

const ROLE = 'arn:aws:iam::000000000000:role/millrace';
/** LocalStack's own list of runtimes ends before ours; the process is this one's Node all the same. */
const LOCAL_RUNTIME = 'nodejs22.x';
const POLL_MS = 250;

/** LocalStack starts a service with its first request, which takes many seconds on a busy machine. */
export async function wakeServices(settings: ReturnType<typeof awsSettings>): Promise<void> {
  const [dynamo, s3, lambda] = [new DynamoDBClient(settings), new S3Client(settings), new LambdaClient(settings)];
  await Promise.all([
    dynamo.send(new ListTablesCommand({})),
    s3.send(new ListBucketsCommand({})),
    lambda.send(new ListFunctionsCommand({})),
    stepFunctions(settings)('ListStateMachines', {}),
  ]);
  for (const client of [dynamo, s3, lambda]) client.destroy();
}

export type ArchiveOf = (spec: FunctionSpec) => Promise<Uint8Array>;

/** By job file: made once in a process. */
const bundles = new Map<string | null, Promise<Bundle>>();
async function bundledArchive({ entry, jobFile }: FunctionSpec): Promise<Uint8Array> {
  const made = bundles.get(jobFile) ?? bundleFunctions(jobFile);
  bundles.set(jobFile, made);
  return zipOf(archiveFiles(entry, await made));
}

export class Deployment {
  readonly topology: Topology;
  readonly dynamo: DynamoDBClient;
  readonly s3: S3Client;
  readonly lambda: LambdaClient;
  readonly logs: CloudWatchLogsClient;
  readonly states: StepFunctionsCall;
  /** ARNs, by name, and by kind. */
  readonly #functions = new Map<string, string>();
  readonly #machines = new Map<MachineKind, string>();
  readonly #archiveOf: ArchiveOf;
  #starts = 0;
  #destroyed = false;

  private constructor(topology: Topology, settings: ReturnType<typeof awsSettings>, archiveOf: ArchiveOf) {
    this.topology = topology;
    this.#archiveOf = archiveOf;
    this.dynamo = new DynamoDBClient(settings);
    this.s3 = new S3Client(settings);
    this.lambda = new LambdaClient({ ...settings, requestHandler: { requestTimeout: 0 } });
    this.logs = new CloudWatchLogsClient(settings);
    this.states = stepFunctions(settings);
  }

  /** `archiveOf`: other code than the job's own. */
  static async create(
    topology: Topology,
    settings: ReturnType<typeof awsSettings>,
    archiveOf: ArchiveOf = bundledArchive,
  ): Promise<Deployment> {
    const made = new Deployment(topology, settings, archiveOf);
    await Promise.all([made.#createTable(), made.#createBucket(), made.#createLogGroups()]);
    await Promise.all(
      topology.functions.map(async (spec) => made.#functions.set(spec.name, await made.#createFunction(spec))),
    );
    await Promise.all(
      topology.machines.map(async (spec) => made.#machines.set(spec.kind, await made.#createMachine(spec))),
    );
    return made;
  }

  nameOf(entry: EntryPoint): string {
    return functionOf(this.topology.functions, entry).name;
  }

  /** With ARNs in place of the functions' names. */
  resolved(definition: Definition): Definition {
    const text = JSON.stringify(definition);
    return JSON.parse(
      text.replace(/\$\{([^}]+)\}/g, (whole, of: string) => this.#functions.get(of) ?? whole),
    ) as Definition;
  }

  /** By default of the machine that runs the job. */
  machineArn(kind: MachineKind = this.topology.machines[0]!.kind): string {
    return this.#machines.get(kind)!;
  }

  async invoke<T>(name: string, event: unknown): Promise<T> {
    const { Payload, FunctionError } = await this.lambda.send(
      new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event) }),
    );
    const answer = Buffer.from(Payload!).toString();
    if (FunctionError !== undefined) throw new Error(`${name}: ${FunctionError}: ${answer}`);
    return JSON.parse(answer) as T;
  }

  async start(input: unknown, kind?: MachineKind): Promise<string> {
    const { executionArn } = await this.states<{ executionArn: string }>('StartExecution', {
      stateMachineArn: this.machineArn(kind),
      name: `x${process.pid}-${Date.now()}-${++this.#starts}`,
      input: JSON.stringify(input),
    });
    return executionArn;
  }

  /** The express machine: answers when the execution has ended. */
  async startSync(input: unknown): Promise<Execution> {
    const stateMachineArn = this.machineArn('EXPRESS');
    return await this.states<Execution>('StartSyncExecution', { stateMachineArn, input: JSON.stringify(input) });
  }

  /** Of the standard machine: the only one that is remembered. */
  async executions(): Promise<readonly Execution[]> {
    const stateMachineArn = this.machineArn('STANDARD');
    const { executions } = await this.states<{ executions: readonly Execution[] }>('ListExecutions', {
      stateMachineArn,
    });
    return executions;
  }

  async ended(executionArn: string, patienceMs = 100_000): Promise<Execution> {
    const untilMs = Date.now() + patienceMs;
    while (true) {
      const execution = await this.states<Execution>('DescribeExecution', { executionArn });
      if (execution.status !== 'RUNNING') return execution;
      if (Date.now() > untilMs) throw new Error(`${executionArn} still runs after ${patienceMs} ms`);
      await sleep(POLL_MS);
    }
  }

  /** Once; a second time there is nothing to remove. */
  async destroy(): Promise<void> {
    if (this.#destroyed) return;
    this.#destroyed = true;
    const { functions, table, bucket } = this.topology;
    for (const stateMachineArn of this.#machines.values())
      await gone(() => this.states('DeleteStateMachine', { stateMachineArn }));
    await Promise.all(
      functions.map(({ name }) => gone(() => this.lambda.send(new DeleteFunctionCommand({ FunctionName: name })))),
    );
    await gone(() => this.dynamo.send(new DeleteTableCommand({ TableName: table.name })));
    await gone(async () => {
      for await (const { Contents } of paginateListObjectsV2({ client: this.s3 }, { Bucket: bucket.name })) {
        const Objects = (Contents ?? []).map(({ Key }) => ({ Key: Key! }));
        if (Objects.length > 0)
          await this.s3.send(new DeleteObjectsCommand({ Bucket: bucket.name, Delete: { Objects } }));
      }
      await this.s3.send(new DeleteBucketCommand({ Bucket: bucket.name }));
    });
    for (const { name } of this.topology.logGroups)
      await gone(() => this.logs.send(new DeleteLogGroupCommand({ logGroupName: name })));
  }

  /** Names of what the stack has in the account still. */
  async leftovers(): Promise<readonly string[]> {
    return await leftoversOf(this, this.topology);
  }

  close(): void {
    for (const client of [this.dynamo, this.s3, this.lambda, this.logs]) client.destroy();
  }

  async #createTable(): Promise<void> {
    const { name, partitionKey, sortKey, billing, expiryAttribute } = this.topology.table;
    await this.dynamo.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: billing,
        KeySchema: [
          { AttributeName: partitionKey, KeyType: 'HASH' },
          { AttributeName: sortKey, KeyType: 'RANGE' },
        ],
        AttributeDefinitions: [
          { AttributeName: partitionKey, AttributeType: 'S' },
          { AttributeName: sortKey, AttributeType: 'S' },
        ],
      }),
    );
    const expiry = { AttributeName: expiryAttribute, Enabled: true };
    await this.dynamo.send(new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification: expiry }));
  }

  async #createBucket(): Promise<void> {
    const { name, prefix, abandonedUploadDays } = this.topology.bucket;
    await this.s3.send(new CreateBucketCommand({ Bucket: name }));
    const rule = {
      ID: 'abandoned-uploads',
      Status: 'Enabled',
      Filter: { Prefix: prefix },
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: abandonedUploadDays },
    } as const;
    await this.s3.send(
      new PutBucketLifecycleConfigurationCommand({ Bucket: name, LifecycleConfiguration: { Rules: [rule] } }),
    );
  }

  async #createLogGroups(): Promise<void> {
    await Promise.all(
      this.topology.logGroups.map(async ({ name, retentionDays }) => {
        await this.logs.send(new CreateLogGroupCommand({ logGroupName: name }));
        await this.logs.send(new PutRetentionPolicyCommand({ logGroupName: name, retentionInDays: retentionDays }));
      }),
    );
  }

  async #createFunction(spec: FunctionSpec): Promise<string> {
    const archive = await this.#archiveOf(spec);
    const { FunctionArn } = await this.lambda.send(
      new CreateFunctionCommand({
        FunctionName: spec.name,
        Runtime: LOCAL_RUNTIME,
        Handler: 'index.handler',
        Role: ROLE,
        Timeout: spec.timeoutSeconds,
        MemorySize: spec.memoryMb,
        Environment: { Variables: { ...spec.environment } },
        Code: { ZipFile: archive },
      }),
    );
    const waiting = { client: this.lambda, maxWaitTime: 60, minDelay: 0.2 };
    await waitUntilFunctionActiveV2(waiting, { FunctionName: spec.name });
    return FunctionArn!;
  }

  async #createMachine({ name, kind, definition }: MachineSpec): Promise<string> {
    const text = JSON.stringify(this.resolved(definition));
    const { stateMachineArn } = await this.states<{ stateMachineArn: string }>('CreateStateMachine', {
      name,
      type: kind,
      definition: text,
      roleArn: ROLE,
    });
    return stateMachineArn;
  }
}

const NOT_THERE = ['ResourceNotFoundException', 'NoSuchBucket', 'StateMachineDoesNotExist'];

/** LocalStack hangs up on a request now and then. It may have done it: what is not there the second time is gone. */
async function gone(remove: () => Promise<unknown>): Promise<void> {
  try {
    await remove();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'TimeoutError') throw error;
    await remove().catch((again: unknown) => {
      if (!(again instanceof Error) || !NOT_THERE.includes(again.name)) throw again;
    });
  }
}
