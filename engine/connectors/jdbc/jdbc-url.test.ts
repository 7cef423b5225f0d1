import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { JdbcConnectionOptionsBuilder } from './jdbc-connection-options.ts';
import { describeUrl, parseJdbcUrl, redactUrl } from './jdbc-url.ts';

describe('read', () => {
  test.for<[string, Partial<ReturnType<typeof parseJdbcUrl>>]>([
    [
      'jdbc:postgresql://db/shop',
      { dialect: 'postgresql', hosts: [{ host: 'db', port: 5432 }], database: 'shop', tls: 'off', user: null },
    ],
    [
      'jdbc:postgresql://a:1,[::1]:2,c/shop?sslmode=verify-full&currentSchema=sales&connectTimeout=3&ApplicationName=x',
      {
        hosts: [
          { host: 'a', port: 1 },
          { host: '::1', port: 2 },
          { host: 'c', port: 5432 },
        ],
        tls: 'verify-full',
        schema: 'sales',
        connectTimeoutMs: 3000,
        applicationName: 'x',
      },
    ],
    [
      'jdbc:mysql://me:p%40ss@db:3307/shop?sslMode=REQUIRED&rewriteBatchedStatements=true&socketTimeout=500',
      {
        dialect: 'mysql',
        hosts: [{ host: 'db', port: 3307 }],
        user: 'me',
        password: 'p@ss',
        tls: 'encrypt',
        socketTimeoutMs: 500,
      },
    ],
    ['jdbc:mariadb:///a%20b?user=u&password=a%26b', { database: 'a b', user: 'u', password: 'a&b' }],
    ['jdbc:postgresql://db/shop?ssl=true', { tls: 'verify-full' }],
    ['jdbc:mysql://db/shop?useSSL=false', { tls: 'off' }],
  ])('%s', ([url, expected]) => {
    expect(parseJdbcUrl(url)).toMatchObject(expected);
  });
});

describe('refused, without saying the password', () => {
  test.for<[string, RegExp]>([
    ['postgresql://db/shop', /is no JDBC URL/],
    ['jdbc:oracle://db/shop', /is no JDBC URL/],
    ['jdbc:postgresql://db/?password=sesame', /names no database/],
    ['jdbc:postgresql://me:sesame@db:99999/shop', /no host:port/],
    ['jdbc:postgresql://db/shop?password=sesame&sslmode=maybe', /sslmode=maybe is not known/],
    ['jdbc:postgresql://me:sesame@db/shop?loadBalanceHosts=true', /"loadBalanceHosts" is not supported/],
    ['jdbc:mysql://db/shop?password=sesame&socketTimeout=soon', /socketTimeout=soon|sockettimeout=soon/],
    ['jdbc:mysql://db/shop?password=sesame%', /%25/],
    ['jdbc:mysql://me:sesame%@db/shop', /%25/],
    ['jdbc:postgresql://me:open/sesame@db/shop', /%2F/],
    ['jdbc:postgresql://me:open@sesame/x@db/shop', /%40/],
    ['postgres://me:open@sesame@db/shop', /no JDBC URL/],
    [
      'jdbc:mysql://db/shop?trustCertificateKeyStorePassword=sesame',
      /"trustCertificateKeyStorePassword" is not supported/,
    ],
    ['jdbc:postgresql://db/shop?sslpassword=sesame', /"sslpassword" is not supported/],
    ['jdbc:postgresql://db/shop?password=open&sesame', /%26/],
  ])('%s', ([url, message]) => {
    expect(() => parseJdbcUrl(url)).toThrow(message);
    expect(() => parseJdbcUrl(url)).not.toThrow(/sesame/);
  });

  test('in no form that is printed', () => {
    const url = 'jdbc:postgresql://me:sesame@db/shop?password=sesame';
    expect(redactUrl(url)).not.toContain('sesame');
    expect(describeUrl(parseJdbcUrl(url))).toBe('postgresql://db:5432/shop');
    const options = new JdbcConnectionOptionsBuilder().withUrl(url).build();
    expect(options.password).toBe('sesame');
    expect(inspect(options, { depth: 9 }) + JSON.stringify(options)).not.toContain('sesame');
  });
});
