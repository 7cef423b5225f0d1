/** Where bearer tokens come from: an OAuth token endpoint (client credentials), AWS IAM for MSK, or an unsecured token made here (for tests). */
import { ConfigError, messageOf, RetryableError } from '../../../model/errors.ts';
import type { BearerToken } from '../client/kafka-connection.ts';

export interface ClientCredentials {
  readonly endpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string | null;
  /** `sasl.oauthbearer.header.urlencode`: encodes id and secret before base64, as RFC 6749 says and few servers want. */
  readonly urlEncode: boolean;
  readonly timeoutMs: number;
}

export async function clientCredentialsToken(from: ClientCredentials): Promise<BearerToken> {
  const encode = from.urlEncode ? encodeURIComponent : String;
  const basic = Buffer.from(`${encode(from.clientId)}:${encode(from.clientSecret)}`).toString('base64');
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (from.scope !== null) form.set('scope', from.scope);
  const answer = await askEndpoint(from, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}`, accept: 'application/json' },
    body: form,
    signal: AbortSignal.timeout(from.timeoutMs),
  });
  return tokenIn(answer, shown(from.endpoint));
}

/** A query may hold secrets. */
function shown(endpoint: string): string {
  return endpoint.replace(/[?#].*$/s, '');
}

async function askEndpoint(from: ClientCredentials, request: RequestInit): Promise<unknown> {
  const endpoint = shown(from.endpoint);
  const at = { endpoint, clientId: from.clientId };
  let response: Response;
  try {
    response = await fetch(from.endpoint, request);
  } catch (error) {
    throw new RetryableError(`The token endpoint ${endpoint} cannot be reached: ${messageOf(error)}.`, at, error);
  }
  const said = `The token endpoint ${endpoint} answered ${response.status} to client "${from.clientId}"`;
  if (response.status === 429 || response.status >= 500) throw new RetryableError(`${said}.`, at);
  if (!response.ok) throw new ConfigError(`${said}: check the client's id, secret and scope, and the endpoint.`, at);
  try {
    return await response.json();
  } catch (error) {
    throw new ConfigError(`${said}, but not with JSON: is it a token endpoint?`, at, error);
  }
}

function tokenIn(answer: unknown, endpoint: string): BearerToken {
  const fields: { access_token?: unknown; expires_in?: unknown } = isObject(answer) ? answer : {};
  const token = fields.access_token;
  if (typeof token !== 'string' || token === '')
    throw new ConfigError(`The token endpoint ${endpoint} answered without "access_token".`, { endpoint });
  const seconds = Number(fields.expires_in);
  const expiresAtMs = seconds > 0 ? Date.now() + seconds * 1000 : expiryOf(token);
  if (expiresAtMs === null)
    throw new ConfigError(
      `The token endpoint ${endpoint} answered without "expires_in", and the token names no expiry either.`,
      {
        endpoint,
      },
    );
  return { token, expiresAtMs };
}

/** The `exp` claim of a JSON web token; null where there is none. */
function expiryOf(token: string): number | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const seconds = isObject(claims) ? Number(claims['exp']) : Number.NaN;
    return Number.isFinite(seconds) ? seconds * 1000 : null;
  } catch {
    return null; // opaque tokens are no JSON: they have no readable expiry
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

export interface MskIamIdentity {
  readonly region: string;
  readonly profile: string | null;
  readonly roleArn: string | null;
  readonly roleSessionName: string | null;
}

/** A presigned `kafka-cluster:Connect` request, good for 15 minutes; made without a call to AWS where the credentials are at hand. */
export async function mskIamToken(identity: MskIamIdentity): Promise<BearerToken> {
  const signer = await import('aws-msk-iam-sasl-signer-js');
  const { region, profile, roleArn, roleSessionName } = identity;
  try {
    const made =
      roleArn !== null
        ? await signer.generateAuthTokenFromRole({
            region,
            awsRoleArn: roleArn,
            ...(roleSessionName !== null && { awsRoleSessionName: roleSessionName }),
          })
        : profile !== null
          ? await signer.generateAuthTokenFromProfile({ region, awsProfileName: profile })
          : await signer.generateAuthToken({ region });
    return { token: made.token, expiresAtMs: made.expiryTime };
  } catch (error) {
    throw new RetryableError(
      `No AWS credentials for MSK IAM in ${region}: ${messageOf(error)}. Check the role, profile or environment of this process.`,
      { region, profile, roleArn },
      error,
    );
  }
}

/** As Java's OAuthBearerUnsecuredLoginCallbackHandler makes it: not signed, accepted by brokers that were set up for tests only. */
export function unsecuredToken(claims: Readonly<Record<string, unknown>>, lifetimeSeconds: number): BearerToken {
  const nowMs = Date.now();
  const expiresAtMs = nowMs + lifetimeSeconds * 1000;
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = `${part({ alg: 'none' })}.${part({ ...claims, iat: nowMs / 1000, exp: expiresAtMs / 1000 })}.`;
  return { token, expiresAtMs };
}
