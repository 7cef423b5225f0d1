/** TLS and SASL with both client libraries, against a broker with one listener for each way in. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import type { BearerToken, KafkaClientLibrary } from '../../engine/connectors/kafka/client/kafka-connection.ts';
import { openKafkaClient } from '../../engine/connectors/kafka/client/open-kafka-client.ts';
import { connectionOfProperties } from '../../engine/connectors/kafka/connection-properties.ts';
import { unsecuredToken } from '../../engine/connectors/kafka/connection/bearer-tokens.ts';
import { ConfigError, RetryableError } from '../../engine/model/errors.ts';
import { startOwn, type OwnServer } from '../servers/index.ts';
import { makeCertificates, type Certificates } from './certificates.ts';

const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule required';
const OAUTH = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required';
const SESSION_MS = 3_000;

let certificates: Certificates;
let server: OwnServer;

beforeAll(async () => {
  certificates = makeCertificates();
  server = await startOwn('kafka', {
    listeners: { SASL: 'SASL_PLAINTEXT', TLS: 'SSL', MUTUAL: 'SSL', BOTH: 'SASL_SSL' },
    scram: ['SCRAM-SHA-256=[name=bob,password=bob-secret]', 'SCRAM-SHA-512=[name=carol,password=carol-secret]'],
    properties: {
      ...saslListener('sasl', 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER'),
      ...saslListener('both', 'SCRAM-SHA-512'),
      'listener.name.sasl.oauthbearer.connections.max.reauth.ms': String(SESSION_MS),
      ...tlsListener('tls', 'none'),
      ...tlsListener('mutual', 'required'),
      ...tlsListener('both', 'none'),
    },
  });
});
afterAll(async () => {
  await server.stop();
});

function saslListener(name: string, mechanisms: string): Record<string, string> {
  const prefix = `listener.name.${name}`;
  return {
    [`${prefix}.sasl.enabled.mechanisms`]: mechanisms,
    [`${prefix}.plain.sasl.jaas.config`]: `${PLAIN} user_alice="alice-secret";`,
    [`${prefix}.scram-sha-256.sasl.jaas.config`]: `${SCRAM};`,
    [`${prefix}.scram-sha-512.sasl.jaas.config`]: `${SCRAM};`,
    [`${prefix}.oauthbearer.sasl.jaas.config`]: `${OAUTH} unsecuredLoginStringClaim_sub="broker";`,
  };
}

function tlsListener(name: string, clientAuth: string): Record<string, string> {
  const prefix = `listener.name.${name}.ssl`;
  return {
    [`${prefix}.keystore.type`]: 'PEM',
    [`${prefix}.keystore.certificate.chain`]: certificates.server.cert,
    [`${prefix}.keystore.key`]: certificates.server.key,
    [`${prefix}.truststore.type`]: 'PEM',
    [`${prefix}.truststore.certificates`]: certificates.authority.cert,
    [`${prefix}.client.auth`]: clientAuth,
  };
}

async function connect(
  library: KafkaClientLibrary,
  listener: string,
  properties: Record<string, string>,
  token?: () => Promise<BearerToken>,
): Promise<KafkaClient> {
  const address = {
    'bootstrap.servers': server.settings[`bootstrapServers.${listener}`]!,
    'default.api.timeout.ms': '3000',
  };
  const settings = { client: library, ...(token !== undefined && { token }) };
  return openKafkaClient(connectionOfProperties({ ...address, ...properties }, settings).connection);
}

describe.each<KafkaClientLibrary>(['platformatic', 'kafkajs'])('%s', (library) => {
  /** Connects, asks something that needs a session, and writes the topics' names. */
  async function use(
    listener: string,
    properties: Record<string, string>,
    token?: () => Promise<BearerToken>,
  ): Promise<string> {
    const client = await connect(library, listener, properties, token);
    try {
      const name = `auth-${library}`;
      await client.createTopic(name, 1, 1, {});
      const end = await client.offsets([{ topic: name, partition: 0 }], 'latest', 'read_committed');
      return `offset ${end[0]}`;
    } finally {
      await client.close();
    }
  }

  const sasl = (mechanism: string, jaas: string): Record<string, string> => ({
    'security.protocol': 'SASL_PLAINTEXT',
    'sasl.mechanism': mechanism,
    'sasl.jaas.config': jaas,
  });
  const trusting = (): Record<string, string> => ({
    'security.protocol': 'SSL',
    'ssl.truststore.certificates': certificates.authority.cert,
  });

  test.each([
    ['PLAIN', `${PLAIN} username="alice" password="alice-secret";`],
    ['SCRAM-SHA-256', `${SCRAM} username="bob" password="bob-secret";`],
    ['SCRAM-SHA-512', `${SCRAM} username="carol" password="carol-secret";`],
    ['OAUTHBEARER', `${OAUTH} unsecuredLoginStringClaim_sub="dave";`],
  ])('%s', async (mechanism, jaas) => {
    expect(await use('SASL', sasl(mechanism, jaas))).toBe('offset 0');
  });

  test.each([
    ['PLAIN', `${PLAIN} username="alice" password="wrong-secret";`],
    ['SCRAM-SHA-512', `${SCRAM} username="carol" password="wrong-secret";`],
    ['OAUTHBEARER', `${OAUTH} unsecuredLoginStringClaim_nobody="wrong-secret";`],
  ])('%s: wrong credentials are a ConfigError, at once, that does not show them', async (mechanism, jaas) => {
    const start = Date.now();
    const failure = await use('SASL', sasl(mechanism, jaas)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConfigError);
    expect(String(failure)).toMatch(/refuse[sd] the credentials/u);
    expect(String(failure)).not.toContain('wrong-secret');
    expect(Date.now() - start).toBeLessThan(2_500);
  });

  test('a mechanism that the listener does not have', async () => {
    const properties = {
      ...trusting(),
      ...sasl('PLAIN', `${PLAIN} username="a" password="b";`),
      'security.protocol': 'SASL_SSL',
    };
    await expect(use('BOTH', properties)).rejects.toThrow(ConfigError);
  });

  test('TLS, and a certificate that nobody trusts', async () => {
    expect(await use('TLS', trusting())).toBe('offset 0');
    const untrusted = use('TLS', { ...trusting(), 'ssl.truststore.certificates': certificates.stranger.cert });
    await expect(untrusted).rejects.toThrow(ConfigError);
    await expect(untrusted).rejects.toThrow(/ssl\.truststore\.(location|certificates)/u);
  });

  test('a certificate made out to another host', async () => {
    const byName = {
      ...trusting(),
      'bootstrap.servers': server.settings['bootstrapServers.TLS']!.replace('127.0.0.1', 'localhost'),
    };
    await expect(use('TLS', byName)).rejects.toThrow(/ssl\.endpoint\.identification\.algorithm/u);
    expect(await use('TLS', { ...byName, 'ssl.endpoint.identification.algorithm': '' })).toBe('offset 0');
  });

  test('a listener without TLS', async () => {
    const properties = {
      ...trusting(),
      'bootstrap.servers': server.settings['bootstrapServers']!,
      'default.api.timeout.ms': '200',
    };
    await expect(use('TLS', properties)).rejects.toThrow(/security\.protocol/u);
  });

  test("the client's own certificate", async () => {
    const own = {
      'ssl.keystore.certificate.chain': certificates.client.cert,
      'ssl.keystore.key': certificates.client.key,
    };
    expect(await use('MUTUAL', { ...trusting(), ...own })).toBe('offset 0');
    await expect(use('MUTUAL', trusting())).rejects.toThrow(ConfigError);
  });

  test('SCRAM over TLS', async () => {
    const properties = {
      ...sasl('SCRAM-SHA-512', `${SCRAM} username="carol" password="carol-secret";`),
      ...trusting(),
    };
    expect(await use('BOTH', { ...properties, 'security.protocol': 'SASL_SSL' })).toBe('offset 0');
  });

  test('a token that the broker refuses is asked for once more', async () => {
    const answers = [{ token: 'refused', expiresAtMs: Date.now() + 60_000 }, unsecuredToken({ sub: 'frank' }, 60)];
    const token = async (): Promise<BearerToken> => answers.shift() ?? unsecuredToken({ sub: 'frank' }, 60);
    expect(await use('SASL', { 'security.protocol': 'SASL_PLAINTEXT' }, token)).toBe('offset 0');
  });

  test('whoever gives the tokens is waited for, and blamed when the time is over', async () => {
    let failures = 3;
    const token = async (): Promise<BearerToken> => {
      if (failures-- > 0) throw new RetryableError('The token endpoint answered 503.');
      return unsecuredToken({ sub: 'frank' }, 60);
    };
    expect(await use('SASL', { 'security.protocol': 'SASL_PLAINTEXT' }, token)).toBe('offset 0');
    failures = Infinity;
    const failed = use('SASL', { 'security.protocol': 'SASL_PLAINTEXT', 'default.api.timeout.ms': '100' }, token);
    await expect(failed).rejects.toThrow(RetryableError);
    await expect(failed).rejects.toThrow(/cannot be reached: .*The token endpoint answered 503\./u);
  });
});

test('tokens are asked for again, and sessions renewed, before they end', async () => {
  const livingOnTokens = async (library: KafkaClientLibrary): Promise<number> => {
    let asked = 0;
    const token = async (): Promise<BearerToken> => {
      asked++;
      return unsecuredToken({ sub: 'erin' }, 5);
    };
    const client = await connect(library, 'SASL', { 'security.protocol': 'SASL_PLAINTEXT' }, token);
    const topic = `auth-tokens-${library}`;
    await client.createTopic(topic, 1, 1, {});
    for (const end = Date.now() + 2 * SESSION_MS; Date.now() < end;) {
      expect(await client.offsets([{ topic, partition: 0 }], 'latest', 'read_committed')).toEqual([0]);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await client.close();
    return asked;
  };
  for (const asked of await Promise.all([livingOnTokens('kafkajs'), livingOnTokens('platformatic')])) {
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(asked).toBeLessThan(6);
  }
});
