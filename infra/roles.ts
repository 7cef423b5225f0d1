/** What each function and machine of a job may do: as little as its work takes, on the job's own items and objects. */

/** What a statement is about; the deployer knows the ARNs. */
export type Target =
  | { readonly kind: 'table'; readonly leadingKeys: readonly string[] }
  | { readonly kind: 'objects' }
  | { readonly kind: 'object-names' }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'machine'; readonly name: string }
  | { readonly kind: 'logs'; readonly group: string }
  | { readonly kind: 'parameter'; readonly name: string }
  /** A name or an ARN. */
  | { readonly kind: 'secret'; readonly id: string }
  /** Clusters and network interfaces that event sources reach. */
  | { readonly kind: 'kafka' }
  /** Step Functions' own log deliveries, which have no ARN to name. */
  | { readonly kind: 'log-deliveries' };

export interface Statement {
  readonly actions: readonly string[];
  readonly on: Target;
}

export interface RoleSpec {
  readonly name: string;
  readonly service: 'lambda.amazonaws.com' | 'states.amazonaws.com' | 'scheduler.amazonaws.com';
  readonly statements: readonly Statement[];
}

/** The partition of all jobs' names (engine/aws/table-keys.ts). */
const JOBS = '#jobs';

const leadingKeys = (job: string): readonly string[] => [`${job}#*`, JOBS];

export const readItems = (job: string): Statement => ({
  actions: ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'],
  on: { kind: 'table', leadingKeys: leadingKeys(job) },
});

export const writeItems = (job: string): Statement => ({
  actions: ['dynamodb:PutItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem', 'dynamodb:BatchWriteItem'],
  on: { kind: 'table', leadingKeys: leadingKeys(job) },
});

export const READ_OBJECTS: readonly Statement[] = [
  { actions: ['s3:GetObject'], on: { kind: 'objects' } },
  { actions: ['s3:ListBucket'], on: { kind: 'object-names' } },
];

export const WRITE_OBJECTS: Statement = {
  actions: ['s3:PutObject', 's3:AbortMultipartUpload'],
  on: { kind: 'objects' },
};

export const DELETE_OBJECTS: Statement = { actions: ['s3:DeleteObject'], on: { kind: 'objects' } };

export const invoke = (...names: readonly string[]): readonly Statement[] =>
  names.map((name) => ({ actions: ['lambda:InvokeFunction'], on: { kind: 'function', name } }));

export const startExecution = (name: string): Statement => ({
  actions: ['states:StartExecution'],
  on: { kind: 'machine', name },
});

/** `ssm:/path/name`, `secretsmanager:NAME-or-ARN[#field]` (engine/aws/secrets.ts). */
export function readSecrets(settings: readonly string[]): readonly Statement[] {
  const named = (prefix: string): readonly string[] => [
    ...new Set(
      settings.flatMap((text) => (text.startsWith(prefix) ? [text.slice(prefix.length).split('#', 1)[0]!] : [])),
    ),
  ];
  return [
    ...named('ssm:').map((name) => ({ actions: ['ssm:GetParameter'], on: { kind: 'parameter', name } as const })),
    ...named('secretsmanager:').map((id) => ({
      actions: ['secretsmanager:GetSecretValue'],
      on: { kind: 'secret', id } as const,
    })),
  ];
}

export const writeLogs = (group: string): Statement => ({
  actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
  on: { kind: 'logs', group },
});

export const DELIVER_LOGS: Statement = {
  actions: [
    'logs:CreateLogDelivery',
    'logs:GetLogDelivery',
    'logs:UpdateLogDelivery',
    'logs:DeleteLogDelivery',
    'logs:ListLogDeliveries',
    'logs:PutResourcePolicy',
    'logs:DescribeResourcePolicies',
    'logs:DescribeLogGroups',
  ],
  on: { kind: 'log-deliveries' },
};

/** What a Kafka event source needs of the function's role: to find the cluster, and to reach it inside a VPC. */
export const POLL_KAFKA_ACTIONS: readonly string[] = [
  'kafka:DescribeCluster',
  'kafka:DescribeClusterV2',
  'kafka:GetBootstrapBrokers',
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeVpcs',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeSubnets',
  'ec2:DescribeSecurityGroups',
];
