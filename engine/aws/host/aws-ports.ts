/** A job's table and bucket, as ports of one function's process. The environment names them. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { ConsumptionMeter } from '../../model/consumption.ts';
import { ConfigError } from '../../model/errors.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StateStore } from '../../ports/state-store.ts';
import type { StateTable } from '../../ports/state-table.ts';
import { DynamoDbStateStore } from '../dynamodb-state-store.ts';
import { DynamoDbStateTable } from '../dynamodb-state-table.ts';
import { meterDynamoDb } from '../meter-dynamodb.ts';
import { meterS3 } from '../meter-s3.ts';
import type { OnNotice } from '../on-notice.ts';
import { S3BlobStore } from '../s3-blob-store.ts';
import { SmallItems } from '../small-items.ts';
import { TableItems } from '../table-items.ts';
import { TwoTierBlobStore } from '../two-tier-blob-store.ts';

export interface AwsPlace {
  readonly table: string;
  readonly bucket: string;
  /** Of the objects' names; empty, or ends with '/'. */
  readonly prefix: string;
}

export interface AwsPorts {
  readonly store: StateStore;
  readonly blobs: BlobStore;
  /** For the state backend `table`; absent: there is none. */
  readonly table?: StateTable;
  /** Counts what the ports use; absent: nobody does. */
  readonly meter?: ConsumptionMeter;
  /** Closes connections; the next request opens new ones. */
  quiesce(): void;
}

export type OpenAwsPorts = (place: AwsPlace, clock: Pick<Clock, 'sleep' | 'nowMs'>, onNotice?: OnNotice) => AwsPorts;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Requests that take longer are sent again (aws-call.ts). */
const CONNECTION_MS = 3_000;
const ANSWER_MS = 20_000;

export function placeOf(env: Environment): AwsPlace {
  const prefix = env['MILLRACE_PREFIX'] ?? '';
  if (prefix !== '' && !prefix.endsWith('/'))
    throw new ConfigError(`MILLRACE_PREFIX is empty or ends with "/"; got ${JSON.stringify(prefix)}.`);
  return { table: required(env, 'MILLRACE_TABLE'), bucket: required(env, 'MILLRACE_BUCKET'), prefix };
}

export const openAwsPorts: OpenAwsPorts = ({ table, bucket, prefix }, clock, onNotice) => {
  const settings = {
    maxAttempts: 1,
    requestHandler: { connectionTimeout: CONNECTION_MS, requestTimeout: ANSWER_MS, throwOnRequestTimeout: true },
  };
  const dynamo = new DynamoDBClient(settings);
  const s3 = new S3Client(settings);
  const meter = new ConsumptionMeter();
  meterDynamoDb(dynamo, meter);
  meterS3(s3, meter);
  return {
    store: new DynamoDbStateStore(dynamo, table, clock),
    table: new DynamoDbStateTable(dynamo, table, clock),
    blobs: new TwoTierBlobStore(
      new SmallItems(new TableItems(dynamo, table, clock)),
      new S3BlobStore(s3, bucket, prefix, clock, onNotice),
    ),
    meter,
    quiesce() {
      dynamo.destroy();
      s3.destroy();
    },
  };
};

export function required(env: Environment, name: string): string {
  const value = env[name];
  if (value === undefined || value === '')
    throw new ConfigError(`the environment variable ${name} is missing. The deployment sets it.`, { name });
  return value;
}
