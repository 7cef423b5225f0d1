/** Certificates for tests, made with openssl: an authority, the server's for 127.0.0.1, a client's, and an authority that nobody trusts. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates {
  readonly authority: KeyPair;
  readonly server: KeyPair;
  readonly client: KeyPair;
  readonly stranger: KeyPair;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
  try {
    const authority = selfSigned(folder, 'authority');
    return {
      authority,
      server: signed(folder, 'server', 'authority', 'subjectAltName=IP:127.0.0.1'),
      client: signed(folder, 'client', 'authority', 'extendedKeyUsage=clientAuth'),
      stranger: selfSigned(folder, 'stranger'),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function selfSigned(folder: string, name: string): KeyPair {
  openssl(folder, [
    'req',
    '-x509',
    ...NEW_KEY,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.crt`,
  ]);
  return pairIn(folder, name);
}

function signed(folder: string, name: string, by: string, extension: string): KeyPair {
  openssl(folder, ['req', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`]);
  writeFileSync(join(folder, `${name}.ext`), `${extension}\n`);
  openssl(folder, [
    'x509',
    '-req',
    ...['-in', `${name}.csr`, '-CA', `${by}.crt`, '-CAkey', `${by}.key`, '-CAcreateserial'],
    ...['-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.crt`],
  ]);
  return pairIn(folder, name);
}

function openssl(folder: string, args: readonly string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
}

function pairIn(folder: string, name: string): KeyPair {
  return {
    cert: readFileSync(join(folder, `${name}.crt`), 'utf8'),
    key: readFileSync(join(folder, `${name}.key`), 'utf8'),
  };
}
