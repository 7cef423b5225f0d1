/** Everything in a stack's table and bucket that the head does not lead to, listed without the stores: what they would not list is seen as well. */
import { paginateScan } from '@aws-sdk/client-dynamodb';
import { ListMultipartUploadsCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { keyOfSort } from '../../../engine/aws/table-keys.ts';
import { jobObjectPrefix } from '../../../engine/checkpoint/object-names.ts';
import type { Head } from '../../../engine/checkpoint/records.ts';
import type { StateStore } from '../../../engine/ports/state-store.ts';
import type { Deployment } from '../../aws/deployment.ts';
import { reachedFrom, type Reached } from '../../state-inspection.ts';

export async function leftBehind(
  { dynamo, s3, topology: { table, bucket } }: Deployment,
  store: StateStore,
  head: Head,
): Promise<readonly string[]> {
  const reached = await reachedFrom(store, head);
  const left: string[] = [];
  for await (const { Items = [] } of paginateScan({ client: dynamo }, { TableName: table.name, ConsistentRead: true }))
    for (const { p, s } of Items) if (!isReached(reached, head.job, p!.S!, s!.S!)) left.push(`item ${p!.S} ${s!.S}`);
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket: bucket.name }))
    for (const { Key: name } of Contents)
      if (!reached.objects.has(name!.slice(bucket.prefix.length))) left.push(`object ${name}`);
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket.name }));
  return [...left, ...Uploads.map(({ Key }) => `upload ${Key}`)];
}

/** By the layout of engine/aws/table-keys.ts and state-table-keys.ts. The head, the list of jobs and commands are no epoch's. */
function isReached({ items, objects, namespaces }: Reached, job: string, partition: string, sort: string): boolean {
  const [of, kind, namespace = ''] = partition.split('#');
  if (of === '' || kind === 'H' || sort.startsWith('command/')) return true;
  if (kind === 'L') return objects.has(`${jobObjectPrefix(job)}${sort}`);
  if (kind === 'N') return namespaces.has(sort.split('#', 1)[0]!);
  return kind === 'S' || kind === 'T' ? namespaces.has(namespace) : items.has(keyOfSort(sort));
}
