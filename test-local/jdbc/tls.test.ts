/** Encrypted connections: who is trusted, for which host, and what happens where the server does not encrypt. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dialectOf } from '../../engine/connectors/jdbc/dialects.ts';
import {
  JdbcConnectionOptionsBuilder,
  type JdbcTlsOptions,
} from '../../engine/connectors/jdbc/jdbc-connection-options.ts';
import { SqlFailure } from '../../engine/connectors/jdbc/session.ts';
import { makeCertificates, type Certificates } from '../kafka/certificates.ts';
import { startOwn, useServer, type OwnServer, type RunningServer } from '../servers/index.ts';
import { connectionTo, DATABASES, type DatabaseName } from './databases.ts';

describe.each(DATABASES)('%s', (name) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-jdbc-tls-'));
  let certificates: Certificates;
  let server: OwnServer;

  beforeAll(async () => {
    certificates = makeCertificates();
    server = await (name === 'postgres' ? encryptedPostgres() : encryptedMariadb());
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  async function encryptedMariadb(): Promise<OwnServer> {
    const files = {
      'ssl-ca': certificates.authority.cert,
      'ssl-cert': certificates.server.cert,
      'ssl-key': certificates.server.key,
    };
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
    const properties = Object.fromEntries(Object.keys(files).map((file) => [file, join(folder, file)]));
    return await startOwn('mariadb', { properties });
  }

  /** The server writes its key itself: it must be its own. */
  async function encryptedPostgres(): Promise<OwnServer> {
    const started = await startOwn('postgres');
    const connection = connectionTo(started);
    const admin = await dialectOf(connection.url).connect(connection, true);
    for (const [file, text] of [
      ['server.crt', certificates.server.cert],
      ['server.key', certificates.server.key],
    ] as const)
      await admin.run(
        `COPY (SELECT '${Buffer.from(text).toString('base64')}') TO PROGRAM 'base64 -d > ${file} && chmod 600 ${file}'`,
      );
    await admin.run('ALTER SYSTEM SET ssl = on');
    await admin.run('SELECT pg_reload_conf()');
    await admin.close();
    await started.restart();
    return started;
  }

  /** Is the connection encrypted? */
  async function connects(of: RunningServer, url: string, tls: JdbcTlsOptions | null): Promise<boolean> {
    let builder = new JdbcConnectionOptionsBuilder()
      .withUrl(url)
      .withUsername(of.settings['user']!)
      .withPassword(of.settings['password']!);
    if (tls !== null) builder = builder.withTls(tls);
    const connection = builder.build();
    const session = await dialectOf(connection.url).connect(connection, true);
    const question: Record<DatabaseName, string> = {
      postgres: "SELECT CASE WHEN ssl THEN 'yes' ELSE '' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
      mariadb: "SELECT VARIABLE_VALUE FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher'",
    };
    const { rows } = await session.run(question[name]);
    await session.close();
    return rows[0]![0] !== '';
  }

  const urlOf = (of: RunningServer): string => of.settings['url']!;

  test('a certificate of the authority for the host is taken, any other is not', async () => {
    const url = urlOf(server);
    const ca = certificates.authority.cert;
    if (name === 'postgres') expect(await connects(server, url, { ca })).toBe(true);
    else await expect(connects(server, url, { ca })).rejects.toThrow(/Write the host's name, or take verify-ca/);
    expect(await connects(server, url, { ca, mode: 'verify-ca' })).toBe(true);
    expect(await connects(server, url, { mode: 'encrypt' })).toBe(true);
    await expect(connects(server, url, { mode: 'verify-ca' })).rejects.toThrow(SqlFailure);
    await expect(connects(server, url, { mode: 'verify-ca', ca: certificates.stranger.cert })).rejects.toThrow(
      /certificate|signature|chain/i,
    );
    const byName = url.replace('127.0.0.1', 'localhost');
    await expect(connects(server, byName, { ca })).rejects.toThrow(/altnames|certificate/i);
    expect(await connects(server, byName, { ca, mode: 'verify-ca' })).toBe(true);
  });

  test('by the URL', async () => {
    const file = join(folder, 'root.pem');
    writeFileSync(file, certificates.authority.cert);
    const mode = name === 'postgres' ? 'sslmode=verify-full&sslrootcert' : 'sslMode=verify-ca&serverSslCert';
    expect(await connects(server, `${urlOf(server)}?${mode}=${encodeURIComponent(file)}`, null)).toBe(true);
    expect(await connects(server, `${urlOf(server)}?sslmode=disable`, null)).toBe(false);
    await expect(
      connects(server, `${urlOf(server)}?sslmode=require&sslrootcert=${folder}/nothing`, null),
    ).rejects.toThrow(/nothing of the JDBC URL cannot be read/);
  });

  test('a server that does not encrypt is refused, or taken where the user prefers no more', async () => {
    const plain = await useServer(name);
    await expect(connects(plain, urlOf(plain), { mode: 'encrypt' })).rejects.toThrow(SqlFailure);
    expect(await connects(plain, `${urlOf(plain)}?sslmode=prefer`, null)).toBe(false);
  });
});
