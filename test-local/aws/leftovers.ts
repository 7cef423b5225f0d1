/** What a stack has in the account: after it was destroyed, nothing. */
import { paginateDescribeLogGroups, type CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { paginateListTables, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { paginateListFunctions, type LambdaClient } from '@aws-sdk/client-lambda';
import { paginateListBuckets, type S3Client } from '@aws-sdk/client-s3';
import type { Topology } from '../../infra/topology.ts';
import type { StepFunctionsCall } from './step-functions.ts';

interface Account {
  readonly dynamo: DynamoDBClient;
  readonly s3: S3Client;
  readonly lambda: LambdaClient;
  readonly logs: CloudWatchLogsClient;
  readonly states: StepFunctionsCall;
}

/** By the names of the topology, and whatever else begins as they do. */
export async function leftoversOf(account: Account, { table, bucket, machines }: Topology): Promise<readonly string[]> {
  const stack = bucket.name.replace(/[^-]*$/, '');
  const client = <C>(of: C): { readonly client: C } => ({ client: of });
  const [tables, buckets, functions, stateMachines, groups] = await Promise.all([
    all(paginateListTables(client(account.dynamo), {}), ({ TableNames }) => TableNames),
    all(paginateListBuckets(client(account.s3), {}), ({ Buckets }) => Buckets?.map(({ Name }) => Name)),
    all(paginateListFunctions(client(account.lambda), {}), ({ Functions }) =>
      Functions?.map(({ FunctionName }) => FunctionName),
    ),
    machineNames(account.states),
    all(paginateDescribeLogGroups(client(account.logs), {}), ({ logGroups }) =>
      logGroups?.map(({ logGroupName }) => logGroupName),
    ),
  ]);
  if (!table.name.startsWith(stack) || !machines.every(({ name }) => name.startsWith(stack)))
    throw new Error(`${stack} does not begin the names of the topology`);
  const ours = (kind: string, names: readonly (string | undefined)[]): readonly string[] =>
    names.flatMap((name) => (name?.split('/').at(-1)?.startsWith(stack) === true ? [`${kind} ${name}`] : []));
  return [
    ...ours('table', tables),
    ...ours('bucket', buckets),
    ...ours('function', functions),
    ...ours('machine', stateMachines),
    ...ours('log group', groups),
  ];
}

async function all<P>(
  pages: AsyncIterable<P>,
  namesOf: (page: P) => readonly (string | undefined)[] | undefined,
): Promise<readonly (string | undefined)[]> {
  const names: (string | undefined)[] = [];
  for await (const page of pages) names.push(...(namesOf(page) ?? []));
  return names;
}

async function machineNames(states: StepFunctionsCall): Promise<readonly string[]> {
  const names: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await states<{ stateMachines: readonly { readonly name: string }[]; nextToken?: string }>(
      'ListStateMachines',
      nextToken === undefined ? {} : { nextToken },
    );
    names.push(...page.stateMachines.map(({ name }) => name));
    ({ nextToken } = page);
  } while (nextToken !== undefined);
  return names;
}
