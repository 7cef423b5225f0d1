/** Makes what a topology says in LocalStack, with SDK calls, and removes it. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  InvokeCommand,
  ListFunctionsCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { CreateTableCommand, DeleteTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListBucketsCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { bundleFunction, type Bundle } from '../../infra/bundle.ts';
import type { FunctionSpec, MachineSpec, Topology } from '../../infra/topology.ts';
import type { awsSettings } from './aws-settings.ts';
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

const bundles = new Map<string, Promise<Bundle>>();
function bundleOf({ entry, jobFile }: FunctionSpec): Promise<Bundle> {
  const key = `${entry} ${jobFile}`;
  const bundle = bundles.get(key) ?? bundleFunction(entry, jobFile);
  bundles.set(key, bundle);
  return bundle;
}

export class Deployment {
  readonly topology: Topology;
  readonly dynamo: DynamoDBClient;
  readonly s3: S3Client;
  readonly lambda: LambdaClient;
  readonly states: StepFunctionsCall;
  readonly #machines = new Map<string, string>();
  #starts = 0;

  private constructor(topology: Topology, settings: ReturnType<typeof awsSettings>) {
    this.topology = topology;
    this.dynamo = new DynamoDBClient(settings);
    this.s3 = new S3Client(settings);
    this.lambda = new LambdaClient({ ...settings, requestHandler: { requestTimeout: 0 } });
    this.states = stepFunctions(settings);
  }

  static async create(topology: Topology, settings: ReturnType<typeof awsSettings>): Promise<Deployment> {
    const made = new Deployment(topology, settings);
    await Promise.all([made.#createTable(), made.#createBucket()]);
    const arns = Object.fromEntries(
      await Promise.all(topology.functions.map(async (spec) => [spec.name, await made.#createFunction(spec)] as const)),
    );
    for (const spec of topology.machines) made.#machines.set(spec.name, await made.#createMachine(spec, arns));
    return made;
  }

  async invoke<T>(name: string, event: unknown): Promise<T> {
    const { Payload, FunctionError } = await this.lambda.send(
      new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event) }),
    );
    const answer = Buffer.from(Payload!).toString();
    if (FunctionError !== undefined) throw new Error(`${name}: ${FunctionError}: ${answer}`);
    return JSON.parse(answer) as T;
  }

  /** Of the first machine. */
  async start(input: unknown): Promise<string> {
    const [stateMachineArn] = this.#machines.values();
    const name = `x${process.pid}-${Date.now()}-${++this.#starts}`;
    const { executionArn } = await this.states<{ executionArn: string }>('StartExecution', {
      stateMachineArn,
      name,
      input: JSON.stringify(input),
    });
    return executionArn;
  }

  /** Of an express machine: answers when it has ended. */
  async startSync(input: unknown): Promise<Execution> {
    const [stateMachineArn] = this.#machines.values();
    return await this.states<Execution>('StartSyncExecution', { stateMachineArn, input: JSON.stringify(input) });
  }

  async executions(): Promise<readonly Execution[]> {
    const [stateMachineArn] = this.#machines.values();
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

  async destroy(): Promise<void> {
    const { functions, table, bucket } = this.topology;
    for (const stateMachineArn of this.#machines.values()) await this.states('DeleteStateMachine', { stateMachineArn });
    for (const { name } of functions) await this.lambda.send(new DeleteFunctionCommand({ FunctionName: name }));
    await this.dynamo.send(new DeleteTableCommand({ TableName: table.name }));
    for await (const { Contents } of paginateListObjectsV2({ client: this.s3 }, { Bucket: bucket.name })) {
      const Objects = (Contents ?? []).map(({ Key }) => ({ Key: Key! }));
      if (Objects.length > 0)
        await this.s3.send(new DeleteObjectsCommand({ Bucket: bucket.name, Delete: { Objects } }));
    }
    await this.s3.send(new DeleteBucketCommand({ Bucket: bucket.name }));
    for (const client of [this.dynamo, this.s3, this.lambda]) client.destroy();
  }

  async #createTable(): Promise<void> {
    const { name, partitionKey, sortKey } = this.topology.table;
    await this.dynamo.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: 'PAY_PER_REQUEST',
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
  }

  async #createBucket(): Promise<void> {
    await this.s3.send(new CreateBucketCommand({ Bucket: this.topology.bucket.name }));
  }

  async #createFunction(spec: FunctionSpec): Promise<string> {
    const { code } = await bundleOf(spec);
    const { FunctionArn } = await this.lambda.send(
      new CreateFunctionCommand({
        FunctionName: spec.name,
        Runtime: LOCAL_RUNTIME,
        Handler: 'index.handler',
        Role: ROLE,
        Timeout: spec.timeoutSeconds,
        MemorySize: spec.memoryMb,
        Environment: { Variables: { ...spec.environment } },
        Code: { ZipFile: zipOf({ 'index.mjs': code }) },
      }),
    );
    const waiting = { client: this.lambda, maxWaitTime: 60, minDelay: 0.2 };
    await waitUntilFunctionActiveV2(waiting, { FunctionName: spec.name });
    return FunctionArn!;
  }

  async #createMachine(
    { name, kind, definition }: MachineSpec,
    arns: Readonly<Record<string, string>>,
  ): Promise<string> {
    const text = JSON.stringify(definition).replace(/\$\{([^}]+)\}/g, (whole, of: string) => arns[of] ?? whole);
    const { stateMachineArn } = await this.states<{ stateMachineArn: string }>('CreateStateMachine', {
      name,
      type: kind,
      definition: text,
      roleArn: ROLE,
    });
    return stateMachineArn;
  }
}
