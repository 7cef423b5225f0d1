/** Client settings for the LocalStack of a test run. */
import type { Settings } from '../servers/index.ts';

export function awsSettings({ endpoint, region, accessKeyId, secretAccessKey }: Settings): {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly maxAttempts: number;
} {
  if (!endpoint || !region || !accessKeyId || !secretAccessKey)
    throw new Error('these are not the settings of LocalStack');
  return { endpoint, region, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 };
}
