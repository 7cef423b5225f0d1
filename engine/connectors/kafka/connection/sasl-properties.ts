/**
 * `sasl.*` → KafkaSasl. A login module in `sasl.jaas.config` names the user; AWS_MSK_IAM (Amazon's Java module) is OAUTHBEARER with a signed
 * token on the wire that Node speaks, which MSK takes on the same listener.
 */
import type { BearerToken, KafkaSasl } from '../client/kafka-connection.ts';
import { clientCredentialsToken, mskIamToken, unsecuredToken } from './bearer-tokens.ts';
import { parseJaasConfig, requiredOption, type JaasConfig } from './jaas-config.ts';
import { badProperty, type PropertyReader } from './property-reader.ts';

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER', 'AWS_MSK_IAM', 'GSSAPI'] as const;
const UNSECURED = /^unsecuredLogin(String|Number)Claim_(.+)$/;

export interface SaslSurroundings {
  /** The program's own source of tokens, which goes before every other. */
  readonly token: (() => Promise<BearerToken>) | null;
  readonly bootstrapServers: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

type Token = () => Promise<BearerToken>;

export function saslOf(reader: PropertyReader, around: SaslSurroundings): KafkaSasl {
  const mechanism = reader.oneOf('sasl.mechanism', MECHANISMS, around.token === null ? 'GSSAPI' : 'OAUTHBEARER');
  if (around.token !== null && mechanism !== 'OAUTHBEARER' && mechanism !== 'AWS_MSK_IAM')
    throw badProperty(
      'sasl.mechanism',
      `is ${mechanism}, but a function that gives tokens was set: it needs OAUTHBEARER`,
    );
  switch (mechanism) {
    case 'PLAIN':
      return { mechanism, ...login(reader, 'PlainLoginModule') };
    case 'SCRAM-SHA-256':
    case 'SCRAM-SHA-512':
      return { mechanism, ...login(reader, 'ScramLoginModule') };
    case 'OAUTHBEARER':
      return { mechanism, token: around.token ?? oauthToken(reader, around) };
    case 'AWS_MSK_IAM':
      return { mechanism: 'OAUTHBEARER', token: around.token ?? iamToken(reader, around) };
    case 'GSSAPI':
      throw badProperty(
        'sasl.mechanism',
        'is GSSAPI (Kerberos, the default), which is not supported: set it to another',
      );
  }
}

function login(reader: PropertyReader, module: string): { username: string; password: string } {
  const jaas = jaasOf(reader, [module], [`${module} required username="…" password="…";`]);
  reader.optionsUnderstood('sasl.jaas.config', jaas.options.keys(), ['username', 'password']);
  return { username: requiredOption(jaas, 'username'), password: requiredOption(jaas, 'password') };
}

function jaasOf(reader: PropertyReader, modules: readonly string[], example: readonly string[]): JaasConfig {
  const jaas = parseJaasConfig(reader.required('sasl.jaas.config', `for example ${example.join(' ')}`));
  if (!modules.includes(jaas.loginModule))
    throw badProperty(
      'sasl.jaas.config',
      `must name ${modules.join(' or ')} for this "sasl.mechanism", but names ${jaas.loginModule}`,
    );
  return jaas;
}

function oauthToken(reader: PropertyReader, around: SaslSurroundings): Token {
  const text = reader.nonEmpty('sasl.jaas.config');
  const jaas: JaasConfig =
    text === null ? { loginModule: 'OAuthBearerLoginModule', options: new Map() } : parseJaasConfig(text);
  if (jaas.loginModule === 'IAMLoginModule') return iamToken(reader, around);
  if (jaas.loginModule !== 'OAuthBearerLoginModule')
    throw badProperty(
      'sasl.jaas.config',
      `must name OAuthBearerLoginModule for OAUTHBEARER, but names ${jaas.loginModule}`,
    );
  const endpoint = reader.nonEmpty('sasl.oauthbearer.token.endpoint.url');
  if (endpoint !== null) return endpointToken(reader, jaas, endpoint);
  if ([...jaas.options.keys()].some((name) => name.startsWith('unsecuredLogin'))) return unsecured(reader, jaas);
  throw badProperty(
    'sasl.oauthbearer.token.endpoint.url',
    'is missing: OAUTHBEARER needs it with a client id and secret, or a function that gives tokens',
  );
}

function endpointToken(reader: PropertyReader, jaas: JaasConfig, endpoint: string): Token {
  checkUrl(endpoint);
  noteLoginHandler(reader, /OAuthBearer/);
  reader.optionsUnderstood('sasl.jaas.config', jaas.options.keys(), ['clientId', 'clientSecret', 'scope']);
  const credential = (property: string, option: string): string | null =>
    reader.nonEmpty(property) ?? jaas.options.get(option) ?? null;
  const needed = (property: string, option: string): string => {
    const value = credential(property, option);
    if (value === null) throw badProperty(property, `is missing (or the option ${option} in "sasl.jaas.config")`);
    return value;
  };
  const credentials = {
    endpoint,
    clientId: needed('sasl.oauthbearer.client.credentials.client.id', 'clientId'),
    clientSecret: needed('sasl.oauthbearer.client.credentials.client.secret', 'clientSecret'),
    scope: reader.nonEmpty('sasl.oauthbearer.scope') ?? jaas.options.get('scope') ?? null,
    urlEncode: reader.flag('sasl.oauthbearer.header.urlencode', false),
    timeoutMs: reader.milliseconds('sasl.login.read.timeout.ms') ?? 10_000,
  };
  return () => clientCredentialsToken(credentials);
}

function checkUrl(endpoint: string): void {
  const url = URL.parse(endpoint);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw badProperty('sasl.oauthbearer.token.endpoint.url', `must be an http or https address, but is "${endpoint}"`);
  if (url.username !== '' || url.password !== '')
    throw badProperty(
      'sasl.oauthbearer.token.endpoint.url',
      'must not hold a user or password: give the client id and secret',
    );
}

function unsecured(reader: PropertyReader, jaas: JaasConfig): Token {
  const claims: Record<string, unknown> = {};
  for (const [name, value] of jaas.options) {
    const [, type, claim] = UNSECURED.exec(name) ?? [];
    if (claim !== undefined) claims[claim] = type === 'Number' ? Number(value) : value;
  }
  const lifetime = Number(jaas.options.get('unsecuredLoginLifetimeSeconds') ?? 3600);
  if (!(lifetime > 0))
    throw badProperty('sasl.jaas.config', 'must give unsecuredLoginLifetimeSeconds as a positive number');
  reader.optionsUnderstood(
    'sasl.jaas.config',
    [...jaas.options.keys()].filter((name) => !UNSECURED.test(name)),
    ['unsecuredLoginLifetimeSeconds'],
  );
  return async () => unsecuredToken(claims, lifetime);
}

function iamToken(reader: PropertyReader, around: SaslSurroundings): Token {
  noteLoginHandler(reader, /IAM/);
  const jaas = jaasOf(reader, ['IAMLoginModule'], ['software.amazon.msk.auth.iam.IAMLoginModule required;']);
  const roleArn = jaas.options.get('awsRoleArn') ?? null;
  reader.optionsUnderstood('sasl.jaas.config', jaas.options.keys(), [
    'awsProfileName',
    'awsRoleArn',
    'awsRoleSessionName',
  ]);
  const identity = {
    region: regionOf(reader, around),
    profile: jaas.options.get('awsProfileName') ?? null,
    roleArn,
    roleSessionName: jaas.options.get('awsRoleSessionName') ?? null,
  };
  return () => mskIamToken(identity);
}

/** The brokers' own names carry the region, as Amazon's Java module reads it; behind other names it must be told. */
function regionOf(reader: PropertyReader, around: SaslSurroundings): string {
  const told = reader.nonEmpty('aws.region');
  const ofBrokers = around.bootstrapServers.map(
    (server) => /\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com/.exec(server)?.[1],
  );
  const found =
    told ??
    ofBrokers.find((region) => region !== undefined) ??
    around.environment['AWS_REGION'] ??
    around.environment['AWS_DEFAULT_REGION'];
  if (!found)
    throw badProperty(
      'aws.region',
      "is missing: neither the brokers' names nor the environment variable AWS_REGION tell the region",
    );
  return found;
}

/** Java names its callback handlers by class; those we know are what we do anyway, others hold code that cannot run here. */
function noteLoginHandler(reader: PropertyReader, known: RegExp): void {
  for (const name of ['sasl.login.callback.handler.class', 'sasl.client.callback.handler.class']) {
    const handler = reader.nonEmpty(name);
    if (handler !== null && !known.test(handler))
      throw badProperty(
        name,
        `names the Java class ${handler}, which cannot run here: set a function that gives tokens instead`,
      );
  }
}
