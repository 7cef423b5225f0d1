import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError, RetryableError } from '../../model/errors.ts';
import type { KafkaSasl } from './client/kafka-connection.ts';
import { DEFAULT_KAFKA_CLIENT } from './client/open-kafka-client.ts';
import { connectionOfProperties, withoutEffectNotice, type ConnectionSettings } from './connection-properties.ts';

const SERVERS = { 'bootstrap.servers': 'a:9092' };
const SECRET = 's3cret-which-nobody-may-see';
let folder = '';
let cert = '';
let encryptedKey = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kafka-properties-'));
  const key = join(folder, 'key.pem');
  const out = join(folder, 'cert.pem');
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-subj',
      '/CN=x',
      '-keyout',
      key,
      '-out',
      out,
    ],
    {
      stdio: 'pipe',
    },
  );
  cert = readFileSync(out, 'utf8');
  encryptedKey = generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: SECRET },
  }).privateKey;
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const parse = (properties: Record<string, string>, settings: ConnectionSettings = {}) =>
  connectionOfProperties({ ...SERVERS, ...properties }, { environment: {}, ...settings });
const sasl = (properties: Record<string, string>, settings?: ConnectionSettings): KafkaSasl | null =>
  parse({ 'security.protocol': 'SASL_SSL', ...properties }, settings).connection.sasl;
const tokenOf = async (found: KafkaSasl | null) => {
  if (found?.mechanism !== 'OAUTHBEARER') throw new Error('no tokens');
  return found.token();
};

function refusal(properties: Record<string, string>, settings?: ConnectionSettings): ConfigError {
  try {
    parse(properties, settings);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('addresses, names and times', () => {
  test('the least: plain text, defaults', () => {
    expect(parse({})).toEqual({
      connection: {
        bootstrapServers: ['a:9092'],
        clientId: 'millrace',
        client: DEFAULT_KAFKA_CLIENT,
        tls: null,
        sasl: null,
        connectTimeoutMs: 10_000,
        requestTimeoutMs: 30_000,
        retryForMs: 60_000,
      },
      withoutEffect: [],
    });
  });
  test('several servers, IPv6, a listener prefix; timeouts', () => {
    const { connection } = parse({
      'bootstrap.servers': ' a:1, [::1]:2 ,SSL://c.example:3,',
      'client.id': 'me',
      'request.timeout.ms': '5',
      'socket.connection.setup.timeout.ms': '6',
      'default.api.timeout.ms': '7',
      'delivery.timeout.ms': '8',
    });
    expect(connection.bootstrapServers).toEqual(['a:1', '[::1]:2', 'c.example:3']);
    expect(connection).toMatchObject({ clientId: 'me', requestTimeoutMs: 5, connectTimeoutMs: 6, retryForMs: 8 });
  });
  test.each([
    [{ 'bootstrap.servers': '' }, 'bootstrap.servers'],
    [{ 'bootstrap.servers': 'a' }, 'bootstrap.servers'],
    [{ 'bootstrap.servers': 'a:99999' }, 'bootstrap.servers'],
    [{ 'security.protocol': 'TLS' }, 'security.protocol'],
    [{ 'request.timeout.ms': '5s' }, 'request.timeout.ms'],
    [{ 'request.timeout.ms': '0' }, 'request.timeout.ms'],
  ])('refused: %j', (properties, name) => {
    expect(refusal(properties).at['property']).toBe(name);
    expect(refusal(properties).message).toContain(`"${name}"`);
  });
  test('what has no effect is named; what source or sink read themselves is not', () => {
    const { withoutEffect } = parse(
      { 'linger.ms': '5', 'auto.offset.reset': 'latest', 'ssl.truststore.location': '/nowhere' },
      { readElsewhere: ['auto.offset.reset'] },
    );
    expect(withoutEffect).toEqual(['linger.ms', 'ssl.truststore.location']);
    expect(withoutEffectNotice(withoutEffect)).toBe(
      'Kafka properties without effect here: linger.ms, ssl.truststore.location.',
    );
    expect(withoutEffectNotice([])).toBeNull();
  });
});

describe('TLS', () => {
  test('authorities from a file or inline, also on one line', () => {
    const file = parse({
      'security.protocol': 'ssl',
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': join(folder, 'cert.pem'),
    });
    const inline = parse({ 'security.protocol': 'SSL', 'ssl.truststore.certificates': cert.replaceAll('\n', ' ') });
    const escaped = parse({ 'security.protocol': 'SSL', 'ssl.truststore.certificates': cert.replaceAll('\n', '\\n') });
    expect(file.connection.tls).toEqual({ ca: cert.trim(), cert: null, key: null, verify: true, verifyHostname: true });
    expect(inline.connection.tls?.ca).toBe(cert.trim());
    expect(escaped.connection.tls?.ca).toBe(cert.trim());
  });
  test('own certificate with an encrypted key', () => {
    const { connection, withoutEffect } = parse({
      'security.protocol': 'SSL',
      'ssl.keystore.certificate.chain': cert,
      'ssl.keystore.key': encryptedKey,
      'ssl.key.password': SECRET,
      'ssl.endpoint.identification.algorithm': '',
    });
    expect(connection.tls?.key).toContain('-----BEGIN PRIVATE KEY-----');
    expect(connection.tls).toMatchObject({ cert: cert.trim(), verify: true, verifyHostname: false });
    expect(withoutEffect).toEqual([]);
  });
  test('a Java keystore is refused with the commands that convert it', () => {
    const jks = join(folder, 'trust.jks');
    writeFileSync(jks, Buffer.from([0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2]));
    const error = refusal({
      'security.protocol': 'SSL',
      'ssl.truststore.location': jks,
      'ssl.truststore.password': SECRET,
    });
    expect(error.message).toContain(`keytool -importkeystore -srckeystore ${jks}`);
    expect(refusal({ 'security.protocol': 'SSL', 'ssl.keystore.type': 'JKS' }).message).toContain('ssl.keystore.type');
  });
  test.each([
    ['ssl.truststore.location', { 'ssl.truststore.location': '/nowhere/ca.pem' }],
    ['ssl.truststore.certificates', { 'ssl.truststore.certificates': 'no certificate' }],
    ['ssl.keystore.certificate.chain', { 'ssl.keystore.key': 'x' }],
    ['ssl.endpoint.identification.algorithm', { 'ssl.endpoint.identification.algorithm': 'none' }],
  ])('refused: %s', (name, properties) => {
    expect(refusal({ 'security.protocol': 'SSL', ...properties }).at['property']).toBe(name);
  });
  test('a wrong key password is refused, and not shown', () => {
    const error = refusal({
      'security.protocol': 'SSL',
      'ssl.keystore.certificate.chain': cert,
      'ssl.keystore.key': encryptedKey,
      'ssl.key.password': `${SECRET}-not`,
    });
    expect(error.message).toContain('ssl.key.password');
    expect(error.message).not.toContain(SECRET);
  });
});

describe('SASL', () => {
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required';
  const oauth = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required';

  test('PLAIN and SCRAM; quotes and escapes as in Java', () => {
    expect(
      sasl({ 'sasl.mechanism': 'PLAIN', 'sasl.jaas.config': `${plain}\n username="al\\"ice"\n password='a;b=c"d';` }),
    ).toEqual({
      mechanism: 'PLAIN',
      username: 'al"ice',
      password: 'a;b=c"d',
    });
    expect(
      sasl({ 'sasl.mechanism': 'SCRAM-SHA-512', 'sasl.jaas.config': `${scram} username=bob password=pw ;` }),
    ).toEqual({
      mechanism: 'SCRAM-SHA-512',
      username: 'bob',
      password: 'pw',
    });
  });
  test.each([
    ['no semicolon', `${plain} username="u" password="${SECRET}"`],
    ['no password', `${plain} username="${SECRET}";`],
    ['an open quote', `${plain} username="u" password="${SECRET};`],
    ['no equals sign', `${plain} username "u" password="${SECRET}";`],
    ['two modules', `${plain} username="u" password="${SECRET}"; ${plain} username="u" password="${SECRET}";`],
    ['no flag', `PlainLoginModule username="u" password="${SECRET}";`],
    ['another module', `${scram} username="u" password="${SECRET}";`],
  ])('a login refused, its secrets not shown: %s', (_, jaas) => {
    const error = refusal({
      'security.protocol': 'SASL_PLAINTEXT',
      'sasl.mechanism': 'PLAIN',
      'sasl.jaas.config': jaas,
    });
    expect(error.at['property']).toBe('sasl.jaas.config');
    expect(error.message).not.toContain(SECRET);
  });
  test('Kerberos, also by default, is refused', () => {
    expect(refusal({ 'security.protocol': 'SASL_SSL' }).message).toContain('GSSAPI');
  });
  test('an unsecured token', async () => {
    const found = sasl({
      'sasl.mechanism': 'OAUTHBEARER',
      'sasl.jaas.config': `${oauth} unsecuredLoginStringClaim_sub="alice" unsecuredLoginLifetimeSeconds="60";`,
    });
    const { token, expiresAtMs } = await tokenOf(found);
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    expect(claims).toMatchObject({ sub: 'alice', exp: expiresAtMs / 1000 });
    expect(expiresAtMs - Date.now()).toBeGreaterThan(50_000);
  });
  test("the program's own tokens", async () => {
    const token = async () => ({ token: 't', expiresAtMs: 1 });
    expect(await tokenOf(sasl({}, { token }))).toEqual({ token: 't', expiresAtMs: 1 });
    expect(refusal({ 'security.protocol': 'SSL' }, { token }).at['property']).toBe('security.protocol');
    expect(refusal({ 'security.protocol': 'SASL_SSL', 'sasl.mechanism': 'PLAIN' }, { token }).at['property']).toBe(
      'sasl.mechanism',
    );
  });

  describe('a token endpoint', () => {
    const seen: string[] = [];
    const answers: { status: number; body: string }[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen.push(`${request.method} ${request.headers.authorization} ${body}`);
        const { status, body: answer } = answers.shift() ?? { status: 500, body: '' };
        response.writeHead(status).end(answer);
      });
    });
    let endpoint = '';
    beforeAll(async () => {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      // oxlint-disable-next-line no-unsafe-type-assertion -- a listening TCP server has an AddressInfo
      endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
    });
    afterAll(() => {
      server.close();
    });
    const found = () =>
      sasl({
        'sasl.mechanism': 'OAUTHBEARER',
        'sasl.oauthbearer.token.endpoint.url': endpoint,
        'sasl.login.callback.handler.class':
          'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler',
        'sasl.jaas.config': `${oauth} clientId="id" clientSecret="${SECRET}" scope="kafka";`,
      });

    test('client credentials become a token', async () => {
      answers.push({ status: 200, body: '{"access_token":"abc","expires_in":100}' });
      const { token, expiresAtMs } = await tokenOf(found());
      expect(token).toBe('abc');
      expect(expiresAtMs - Date.now()).toBeGreaterThan(90_000);
      const basic = Buffer.from(`id:${SECRET}`).toString('base64');
      expect(seen).toEqual([`POST Basic ${basic} grant_type=client_credentials&scope=kafka`]);
    });
    test.each([
      [401, '{}', ConfigError],
      [200, '<html>', ConfigError],
      [200, '{"access_token":"opaque"}', ConfigError],
      [503, '', RetryableError],
    ])('answer %i %s', async (status, body, kind) => {
      answers.push({ status, body });
      const failure = await tokenOf(found()).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(kind);
      expect(String(failure)).not.toContain(SECRET);
    });
    test('nobody there is worth another try', async () => {
      endpoint = 'http://127.0.0.1:1/token';
      await expect(tokenOf(found())).rejects.toThrow(RetryableError);
    });
  });

  test('MSK IAM: a presigned request for the region in the brokers’ names', async () => {
    const msk = {
      'bootstrap.servers': 'b-1.demo.abc.c2.kafka.eu-west-1.amazonaws.com:9098',
      'security.protocol': 'SASL_SSL',
      'sasl.mechanism': 'AWS_MSK_IAM',
      'sasl.jaas.config': 'software.amazon.msk.auth.iam.IAMLoginModule required;',
      'sasl.client.callback.handler.class': 'software.amazon.msk.auth.iam.IAMClientCallbackHandler',
    };
    process.env['AWS_ACCESS_KEY_ID'] = 'AKIAEXAMPLE';
    process.env['AWS_SECRET_ACCESS_KEY'] = SECRET;
    const { connection, withoutEffect } = parse(msk);
    const { token, expiresAtMs } = await tokenOf(connection.sasl);
    const url = new URL(Buffer.from(token, 'base64url').toString());
    expect(url.host).toBe('kafka.eu-west-1.amazonaws.com');
    expect(url.searchParams.get('Action')).toBe('kafka-cluster:Connect');
    expect(expiresAtMs - Date.now()).toBeGreaterThan(800_000);
    expect(withoutEffect).toEqual([]);
    expect(refusal({ ...msk, ...SERVERS }).at['property']).toBe('aws.region');
    expect(parse({ ...msk, ...SERVERS }, { environment: { AWS_REGION: 'us-east-1' } }).connection.sasl).not.toBeNull();
  });
});
