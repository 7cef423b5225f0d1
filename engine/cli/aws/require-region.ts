/** What nobody has said is asked for before the first request, whose error would not say what to do. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { ConfigError, messageOf } from '../../model/errors.ts';

export async function requireRegion(): Promise<void> {
  const client = new DynamoDBClient({});
  try {
    await client.config.region();
  } catch (error) {
    throw new ConfigError(
      `no AWS region is known (${messageOf(error)}). Set AWS_REGION, or AWS_PROFILE to a profile that has one.`,
      {},
      error,
    );
  } finally {
    client.destroy();
  }
}
