/** The dialect of a URL. */
import type { Dialect } from './dialect.ts';
import type { JdbcUrl } from './jdbc-url.ts';
import { MYSQL } from './mysql/mysql-dialect.ts';
import { POSTGRES } from './postgres/postgres-dialect.ts';

export function dialectOf(url: JdbcUrl): Dialect {
  return url.dialect === 'postgresql' ? POSTGRES : MYSQL;
}
