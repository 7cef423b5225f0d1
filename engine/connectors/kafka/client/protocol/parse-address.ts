import { ConfigError } from '../../../../model/errors.ts';
import type { Address } from './transport.ts';

/** `host:port`, `[::1]:9092`. */
export function parseAddress(server: string): Address {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/u.exec(server.trim()) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535)
    throw new ConfigError(`bootstrap.servers: "${server}" is not host:port.`, { server });
  return { host, port: Number(port) };
}
