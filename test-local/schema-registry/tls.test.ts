/** A registry behind TLS with an authority of its own, which asks for the client's certificate. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  ConfluentRegistryAvroSerializationSchema,
  type RegistryTls,
} from '../../engine/connectors/schema-registry/index.ts';
import { ConfigError } from '../../engine/model/errors.ts';
import { makeCertificates, type Certificates } from '../kafka/certificates.ts';

let certificates: Certificates;
let server: Server;
let url = '';

beforeAll(async () => {
  certificates = makeCertificates();
  const { server: own, authority } = certificates;
  server = createServer(
    { ...own, ca: authority.cert, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => response.end(JSON.stringify({ id: body.includes('"schema"') ? 7 : 8 })));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const opened = async (tls?: RegistryTls): Promise<Uint8Array> => {
  const options = { retryForMs: 0, ...(tls === undefined ? {} : { tls }) };
  const encoder = ConfluentRegistryAvroSerializationSchema.forGeneric('s', 'string', url, options);
  await encoder.open();
  return encoder.encode('a');
};

it('takes the authority and the client certificate', async () => {
  const { authority, client } = certificates;
  expect([...(await opened({ ca: authority.cert, ...client }))]).toEqual([0, 0, 0, 0, 7, 2, 0x61]);
});

it('refuses a certificate that nobody vouches for', async () => {
  const { client, stranger } = certificates;
  for (const tls of [undefined, { ca: stranger.cert, ...client }]) {
    const refused = opened(tls);
    await expect(refused).rejects.toBeInstanceOf(ConfigError);
    await expect(refused).rejects.toThrow('its certificate is not trusted');
  }
});

it('is for https only', () => {
  expect(() =>
    ConfluentRegistryAvroSerializationSchema.forGeneric('s', 'string', 'http://registry', { tls: { verify: false } }),
  ).toThrow('tls is set, but http://registry is no https URL');
});
