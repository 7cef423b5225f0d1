/** What a stack has in the account: after it was destroyed, nothing. */
import { DescribeLogGroupsCommand, type CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { ListTablesCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ListFunctionsCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { ListBucketsCommand, type S3Client } from '@aws-sdk/client-s3';
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
  const [tables, buckets, functions, { stateMachines }, groups] = await Promise.all([
    account.dynamo.send(new ListTablesCommand({})),
    account.s3.send(new ListBucketsCommand({})),
    account.lambda.send(new ListFunctionsCommand({})),
    account.states<{ stateMachines: readonly { readonly name: string }[] }>('ListStateMachines', {}),
    account.logs.send(new DescribeLogGroupsCommand({})),
  ]);
  if (!table.name.startsWith(stack) || !machines.every(({ name }) => name.startsWith(stack)))
    throw new Error(`${stack} does not begin the names of the topology`);
  const ours = (kind: string, names: readonly (string | undefined)[]): readonly string[] =>
    names.flatMap((name) => (name?.split('/').at(-1)?.startsWith(stack) === true ? [`${kind} ${name}`] : []));
  return [
    ...ours('table', tables.TableNames ?? []),
    ...ours(
      'bucket',
      (buckets.Buckets ?? []).map(({ Name }) => Name),
    ),
    ...ours(
      'function',
      (functions.Functions ?? []).map(({ FunctionName }) => FunctionName),
    ),
    ...ours(
      'machine',
      stateMachines.map(({ name }) => name),
    ),
    ...ours(
      'log group',
      (groups.logGroups ?? []).map(({ logGroupName }) => logGroupName),
    ),
  ];
}
