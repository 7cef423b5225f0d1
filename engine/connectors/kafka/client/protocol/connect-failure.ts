/** Why a connection could not be opened, or was lost: what a change of settings cures is a ConfigError, the rest may pass (ConnectionLost). */
import { ConfigError, messageOf, MillraceError, RetryableError } from '../../../../model/errors.ts';
import { BrokerRefusal } from '../broker-errors.ts';
import { ConnectionLost } from '../patience.ts';

const UNTRUSTED =
  "The broker's certificate is not signed by an authority that this process trusts: set ssl.truststore.location (or ssl.truststore.certificates) to the PEM of its authority";
const NO_TLS =
  'The listener seems not to speak TLS: set security.protocol to PLAINTEXT or SASL_PLAINTEXT, or connect to its TLS port';
const CLIENT_REFUSED =
  "The listener refused the client's certificate: it must be signed by an authority that the brokers trust";

/** By the codes of node:tls and of OpenSSL. */
const TLS_REMEDIES: readonly (readonly [code: RegExp, remedy: string])[] = [
  [/SELF_SIGNED_CERT|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE/u, UNTRUSTED],
  [/CERT_HAS_EXPIRED/u, "The broker's certificate has expired: renew it"],
  [/CERT_NOT_YET_VALID/u, "The broker's certificate is not valid yet: compare the clocks"],
  [
    /ALTNAME_INVALID/u,
    "The broker's certificate is made out to another host: connect by a name that it holds, or set ssl.endpoint.identification.algorithm to empty",
  ],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/u, NO_TLS],
  [/CERTIFICATE_REQUIRED/u, "The listener wants the client's own certificate: set ssl.keystore.location to its PEM"],
  [/BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN/u, CLIENT_REFUSED],
  [/CERT_|ERR_TLS_|ERR_SSL_|ERR_OSSL/u, 'Look at security.protocol and the certificates (ssl.*)'],
];
const CREDENTIALS_REFUSED =
  /SASL|AUTHENTICATION_FAILED|Authentication failed|suitable SASL mechanism|invalid token|invalid credentials/iu;

export function credentialsRefused(thrown: unknown): boolean {
  if (ownErrorIn(thrown) !== null) return thrown instanceof RefusedCredentials;
  return thrown instanceof RefusedCredentials || CREDENTIALS_REFUSED.test(chainOf(thrown).join(': '));
}

class RefusedCredentials extends ConfigError {}

/** `request`: what was sent without an answer; absent while connecting. */
export function connectFailure(thrown: unknown, broker: string, request?: string): Error {
  if (thrown instanceof ConnectionLost || thrown instanceof BrokerRefusal) return thrown;
  if (thrown instanceof MillraceError && (request !== undefined || !(thrown instanceof RetryableError))) return thrown;
  const own = ownErrorIn(thrown);
  if (own instanceof RetryableError)
    return new ConnectionLost(`${broker} cannot be reached: ${own.message}`, request !== undefined, thrown);
  if (own !== null) return own;
  const why = chainOf(thrown).join(': ');
  const at = { broker };
  if (credentialsRefused(thrown)) {
    const remedy = 'Correct sasl.mechanism and sasl.jaas.config (or what gives the token), or the users of the brokers';
    return new RefusedCredentials(`${broker} refuses the credentials: ${why}. ${remedy}.`, at, thrown);
  }
  const remedy = TLS_REMEDIES.find(([code]) => code.test(why))?.[1];
  if (remedy !== undefined)
    return new ConfigError(`${broker} and this client cannot agree on TLS: ${why}. ${remedy}.`, at, thrown);
  const what = request === undefined ? 'cannot be reached' : `did not answer ${request}`;
  // A listener without TLS closes the connection, and so does one that is being stopped.
  const hint = why.includes('before secure TLS connection was established') ? `. ${NO_TLS}` : '';
  return new ConnectionLost(`${broker} ${what}: ${why}${hint}`, request !== undefined, thrown);
}

/** Whoever gives tokens says what is wrong in our own errors (token-cache.ts); libraries may wrap them. */
function ownErrorIn(thrown: unknown): MillraceError | null {
  let next = thrown;
  for (let depth = 0; depth < 8 && next instanceof Error; depth++) {
    if (next instanceof MillraceError) return next;
    const { cause, errors }: { cause?: unknown; errors?: unknown } = next;
    next = cause ?? (Array.isArray(errors) ? errors[0] : undefined);
  }
  return null;
}

/** Messages and codes from the outermost error to its last cause. */
function chainOf(thrown: unknown): readonly string[] {
  const reasons: string[] = [];
  for (let next: unknown = thrown; next !== undefined && next !== null && reasons.length < 8;) {
    const { code, cause, errors }: { code?: unknown; cause?: unknown; errors?: unknown } =
      typeof next === 'object' ? next : {};
    const text = messageOf(next);
    reasons.push(
      typeof code === 'string' && !code.startsWith('PLT_') && !text.includes(code) ? `${text} (${code})` : text,
    );
    next = cause ?? (Array.isArray(errors) ? errors[0] : undefined);
  }
  return reasons.filter((reason) => reason !== '');
}
