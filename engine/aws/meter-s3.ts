/** Counts the requests of an S3 client by their price class, and the bytes that go and come. Deletions and aborted uploads cost nothing. */
import type { ConsumptionMeter } from '../model/consumption.ts';
import { watchClient } from './watch-client.ts';

const READS: ReadonlySet<string> = new Set(['GetObject', 'HeadObject', 'HeadBucket']);
const FREE: ReadonlySet<string> = new Set(['DeleteObject', 'DeleteObjects', 'AbortMultipartUpload']);
const SERVER_ERROR = 500;

export function meterS3(client: object, meter: ConsumptionMeter): void {
  const count = (command: string, bytes: number): void => {
    if (FREE.has(command)) return;
    if (READS.has(command)) meter.add({ getRequests: 1, getBytes: bytes });
    else meter.add({ putRequests: 1, putBytes: bytes });
  };
  watchClient(client, 'meter', {
    answered: (command, { Body }, { ContentLength }) => {
      const read = command === 'GetObject' && typeof ContentLength === 'number' ? ContentLength : 0;
      count(command, Body instanceof Uint8Array ? Body.length : read);
    },
    // A refusal is billed like any request; what the service failed at is not.
    failed: (command, _input, error) => {
      const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
      if (status !== undefined && status < SERVER_ERROR) count(command, 0);
    },
  });
}
