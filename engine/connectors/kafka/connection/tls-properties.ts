/**
 * `ssl.*` → KafkaTls. PEM only: Node reads no Java keystores. Files are read here, once; an encrypted private key is opened with `ssl.key.password`.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { messageOf } from '../../../model/errors.ts';
import type { KafkaTls } from '../client/kafka-connection.ts';
import { badProperty, type PropertyReader } from './property-reader.ts';

export function tlsOf(reader: PropertyReader): KafkaTls {
  const ca = trustedPem(reader);
  const { cert, key } = ownPem(reader);
  return { ca, cert, key, verify: true, verifyHostname: verifiesHostname(reader) };
}

function verifiesHostname(reader: PropertyReader): boolean {
  const name = 'ssl.endpoint.identification.algorithm';
  const algorithm = reader.text(name) ?? 'https';
  if (algorithm !== '' && algorithm.toLowerCase() !== 'https')
    throw badProperty(name, `must be "https", or empty to accept any host name, but is "${algorithm}"`);
  return algorithm !== '';
}

function trustedPem(reader: PropertyReader): string | null {
  const given = reader.nonEmpty('ssl.truststore.certificates');
  const file = pemFile(reader, 'ssl.truststore', given !== null);
  const pem = given ?? file;
  return pem === null
    ? null
    : certificatesOf(pem, given === null ? 'ssl.truststore.location' : 'ssl.truststore.certificates');
}

function ownPem(reader: PropertyReader): { cert: string | null; key: string | null } {
  const chain = reader.nonEmpty('ssl.keystore.certificate.chain');
  const key = reader.nonEmpty('ssl.keystore.key');
  const password = reader.nonEmpty('ssl.key.password');
  const file = pemFile(reader, 'ssl.keystore', chain !== null || key !== null);
  if (file !== null) return ownPair(file, file, password, 'ssl.keystore.location');
  if (chain === null && key === null) return { cert: null, key: null };
  if (chain === null) throw badProperty('ssl.keystore.certificate.chain', 'is missing: "ssl.keystore.key" is given');
  if (key === null) throw badProperty('ssl.keystore.key', 'is missing: "ssl.keystore.certificate.chain" is given');
  return ownPair(chain, key, password, 'ssl.keystore.key');
}

function ownPair(chain: string, key: string, password: string | null, property: string): { cert: string; key: string } {
  const cert = certificatesOf(chain, property === 'ssl.keystore.key' ? 'ssl.keystore.certificate.chain' : property);
  const block = blocksOf(key, '(?:[A-Z]+ )*PRIVATE KEY')[0];
  if (block === undefined)
    throw badProperty(property, 'holds no private key in PEM form ("-----BEGIN PRIVATE KEY-----")');
  return { cert, key: openKey(block, password, property) };
}

function openKey(pem: string, password: string | null, property: string): string {
  try {
    const key = createPrivateKey(password === null ? pem : { key: pem, passphrase: password });
    return key.export({ type: 'pkcs8', format: 'pem' }).toString();
  } catch (error) {
    const hint = password === null ? ' (an encrypted key needs "ssl.key.password")' : ' with "ssl.key.password"';
    throw badProperty(property, `holds a private key that cannot be read${hint}: ${messageOf(error)}`);
  }
}

/** The content of `<prefix>.location`, which must be PEM, whatever `<prefix>.type` says by default. */
function pemFile(
  reader: PropertyReader,
  prefix: 'ssl.truststore' | 'ssl.keystore',
  givenInline: boolean,
): string | null {
  const location = reader.nonEmpty(`${prefix}.location`);
  const type = (reader.nonEmpty(`${prefix}.type`) ?? 'PEM').toUpperCase();
  if (type !== 'PEM')
    throw badProperty(`${prefix}.type`, `is ${type}, which Node cannot read. ${conversion(prefix, location)}`);
  if (location === null) return null;
  if (givenInline) throw badProperty(`${prefix}.location`, 'and the certificates inline are both given; remove one');
  const bytes = readPemBytes(`${prefix}.location`, location);
  const text = bytes.toString('latin1');
  if (!text.includes('-----BEGIN '))
    throw badProperty(
      `${prefix}.location`,
      `names a file that is not PEM (a Java keystore?). ${conversion(prefix, location)}`,
    );
  // The reader's `ssl.*store.password` opens Java keystores only; a PEM file has none.
  reader.understood([`${prefix}.password`]);
  return text;
}

function readPemBytes(property: string, location: string): Buffer {
  try {
    return readFileSync(location);
  } catch (error) {
    throw badProperty(property, `names a file that cannot be read: ${messageOf(error)}`);
  }
}

function conversion(prefix: string, location: string | null): string {
  const file = location ?? 'store.jks';
  const wanted = prefix === 'ssl.truststore' ? '-nokeys -out ca.pem' : '-nodes -out client.pem';
  return (
    `Convert it: keytool -importkeystore -srckeystore ${file} -destkeystore store.p12 -deststoretype PKCS12; ` +
    `openssl pkcs12 -in store.p12 ${wanted}; then set ${prefix}.location to the .pem file and ${prefix}.type to PEM`
  );
}

function certificatesOf(pem: string, property: string): string {
  const certificates = blocksOf(pem, 'CERTIFICATE');
  if (certificates.length === 0)
    throw badProperty(property, 'holds no certificate in PEM form ("-----BEGIN CERTIFICATE-----")');
  for (const [index, certificate] of certificates.entries()) {
    try {
      void new X509Certificate(certificate);
    } catch (error) {
      throw badProperty(property, `holds a certificate (number ${index + 1}) that cannot be read: ${messageOf(error)}`);
    }
  }
  return certificates.join('\n');
}

/** A property may hold its PEM on one line, with spaces or the letters \n for line ends, as Java's reader takes it; OpenSSL wants lines. */
function blocksOf(pem: string, label: string): readonly string[] {
  const pattern = new RegExp(`-----BEGIN (${label})-----([\\s\\S]+?)-----END \\1-----`, 'g');
  return [...pem.replaceAll('\\n', '\n').matchAll(pattern)].map(([block, name, body]) => {
    if (body === undefined || body.trim().includes('\n')) return block;
    return `-----BEGIN ${name}-----\n${body.replaceAll(/\s+/g, '\n').trim()}\n-----END ${name}-----`;
  });
}
