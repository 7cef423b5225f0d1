import { expect, it } from 'vitest';
import { ConfigError } from '../../../../model/errors.ts';
import { parseAddress } from './parse-address.ts';

it('host:port, and nothing else', () => {
  expect(parseAddress('kafka-1.example.org:9092')).toEqual({ host: 'kafka-1.example.org', port: 9092 });
  expect(parseAddress(' [::1]:19092 ')).toEqual({ host: '::1', port: 19092 });
  for (const wrong of ['kafka', 'kafka:', ':9092', 'kafka:99999', 'kafka:9092/x', '::1:9092', 'SSL://kafka:9092', ''])
    expect(() => parseAddress(wrong)).toThrow(ConfigError);
});
