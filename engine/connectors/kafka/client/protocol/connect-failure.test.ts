import { expect, test } from 'vitest';
import { ConfigError, RetryableError } from '../../../../model/errors.ts';
import { ConnectionLost } from '../patience.ts';
import { connectFailure, credentialsRefused } from './connect-failure.ts';

const coded = (message: string, code: string): Error => Object.assign(new Error(message), { code });

test.each([
  [coded('self-signed certificate in certificate chain', 'SELF_SIGNED_CERT_IN_CHAIN'), 'ssl.truststore.location'],
  [coded('unable to verify the first certificate', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'ssl.truststore.location'],
  [coded('Hostname/IP does not match', 'ERR_TLS_CERT_ALTNAME_INVALID'), 'ssl.endpoint.identification.algorithm'],
  [coded('certificate has expired', 'CERT_HAS_EXPIRED'), 'renew it'],
  [
    new Error('Connection failed', { cause: coded('wrong version number', 'ERR_SSL_WRONG_VERSION_NUMBER') }),
    'security.protocol',
  ],
  [coded('alert', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), 'ssl.keystore.location'],
  [new Error('SASL PLAIN authentication failed: Invalid username or password'), 'sasl.jaas.config'],
])('no further try mends it: %s', (thrown, remedy) => {
  const failure = connectFailure(thrown, 'Kafka broker b:1');
  expect(failure).toBeInstanceOf(ConfigError);
  expect(failure.message).toContain('Kafka broker b:1');
  expect(failure.message).toContain(remedy);
});

test('what may pass, and whether the request may have arrived', () => {
  const refused = connectFailure(coded('connect ECONNREFUSED', 'ECONNREFUSED'), 'Kafka broker b:1');
  expect(refused).toMatchObject({ name: 'ConnectionLost', sent: false });
  const silent = connectFailure(new Error('Closed connection'), 'Kafka broker b:1', 'Produce');
  expect(silent).toMatchObject({ sent: true, message: 'Kafka broker b:1 did not answer Produce: Closed connection' });
  expect(connectFailure(silent, 'elsewhere')).toBe(silent);
});

test('refused credentials stay so when they are told on', () => {
  expect(credentialsRefused(connectFailure(new Error('SASL: invalid token'), 'b'))).toBe(true);
  expect(credentialsRefused(new ConnectionLost('gone', true))).toBe(false);
});

test('whoever gives the tokens is believed, however a library wraps what he says', () => {
  const wrapped = (cause: Error): Error =>
    new Error('Connection failed', {
      cause: new Error('The SASL/OAUTHBEARER token provider threw an error.', { cause }),
    });
  const passing = wrapped(new RetryableError('The token endpoint answered 503.'));
  expect(credentialsRefused(passing)).toBe(false);
  expect(connectFailure(passing, 'b')).toMatchObject({ name: 'ConnectionLost', sent: false });
  expect(connectFailure(passing, 'b').message).toBe('b cannot be reached: The token endpoint answered 503.');
  expect(connectFailure(passing, 'b', 'EndTxn')).toMatchObject({ sent: true });
  const wrong = new ConfigError('The token endpoint answered 401.');
  expect(connectFailure(wrapped(wrong), 'b')).toBe(wrong);
});
