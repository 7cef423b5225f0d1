import { expect, test } from 'vitest';
import { BrokerConnection } from './broker-connection.ts';
import type { Transport } from './transport.ts';
import { WireWriter } from './wire-writer.ts';

/** ApiVersions: no error, no versions. */
function answer(): Buffer {
  const w = new WireWriter();
  w.appendInt16(0)
    .appendArray([], () => undefined)
    .appendInt32(0);
  return w.appendTaggedFields().bytes;
}

test('a request whose connection was lost opens no other once it is closed', async () => {
  let opened = 0;
  let admit: () => void = () => undefined;
  const admitted = new Promise<void>((resolve) => (admit = resolve));
  const connection = new BrokerConnection(
    { host: 'broker', port: 9092 },
    {
      tokens: null,
      open: async (): Promise<Transport> => {
        opened += 1;
        await admitted;
        const isFirst = opened === 1;
        return { isOpen: () => !isFirst, exchange: async () => answer(), close: async () => undefined };
      },
    },
  );
  const asked = connection.features().catch((thrown: unknown) => thrown);
  const closed = connection.close();
  admit();
  await closed;
  expect(await asked).toMatchObject({ message: 'Kafka broker broker:9092: the connection is closed.' });
  await expect(connection.features()).rejects.toMatchObject({ code: 'retryable' });
  expect(opened).toBe(1);
});
