/** Values as PostgreSQL writes them: by the numbers of its built-in types (pg_type.oid). Types that are not listed stay text. */
import { timestampOrNaN } from '../../../formats/timestamp.ts';
import type { ResultColumn } from '../session.ts';
import {
  integerDecoder,
  type BigIntegers,
  type ComparableKind,
  type Decode,
  type ResultReader,
} from '../source/result-reader.ts';

const OID = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  oid: 26,
  json: 114,
  float4: 700,
  float8: 701,
} as const;
const MORE_OID = { timestamp: 1114, timestamptz: 1184, jsonb: 3802 } as const;

/** Array type → element type. */
const ARRAYS: ReadonlyMap<number, number> = new Map([
  [1000, OID.bool],
  [1001, OID.bytea],
  [1005, OID.int2],
  [1007, OID.int4],
  [1016, OID.int8],
  [1021, OID.float4],
  [1022, OID.float8],
  [199, OID.json],
  [3807, MORE_OID.jsonb],
  [1115, MORE_OID.timestamp],
  [1185, MORE_OID.timestamptz],
  // text, varchar, bpchar, numeric, date, uuid: their text.
  ...[1009, 1015, 1014, 1231, 1182, 2951].map((array): [number, number] => [array, 0]),
]);

const KINDS: ReadonlyMap<number, ComparableKind> = new Map([
  ...[OID.int2, OID.int4, OID.int8, OID.oid].map((oid): [number, ComparableKind] => [oid, 'integer']),
  ...[OID.float4, OID.float8].map((oid): [number, ComparableKind] => [oid, 'float']),
  ...[MORE_OID.timestamp, MORE_OID.timestamptz].map((oid): [number, ComparableKind] => [oid, 'timestamp']),
  [1700, 'decimal'],
  [1082, 'date'],
  // text, varchar, bpchar, uuid
  ...[25, 1043, 1042, 2950].map((oid): [number, ComparableKind] => [oid, 'text']),
]);

export class PostgresResults implements ResultReader {
  kindOf({ type }: ResultColumn): ComparableKind {
    return KINDS.get(type) ?? 'other';
  }

  decoder({ type }: ResultColumn, bigIntegers: BigIntegers): Decode {
    const element = ARRAYS.get(type);
    if (element === undefined) return scalar(type, bigIntegers);
    const decode = scalar(element, bigIntegers);
    return (raw) => parseArray(raw as string, decode);
  }
}

function scalar(type: number, bigIntegers: BigIntegers): Decode {
  switch (type) {
    case OID.bool:
      return (raw) => raw === 't';
    case OID.int8:
      return integerDecoder(bigIntegers);
    case OID.int2:
    case OID.int4:
    case OID.oid:
    case OID.float4:
    case OID.float8:
      return Number;
    case OID.bytea:
      return (raw) => new Uint8Array(Buffer.from((raw as string).slice(2), 'hex'));
    case OID.json:
    case MORE_OID.jsonb:
      return (raw) => JSON.parse(raw as string) as unknown;
    case MORE_OID.timestamp:
    case MORE_OID.timestamptz:
      return (raw) => {
        const ms = timestampOrNaN(raw as string);
        if (Number.isNaN(ms)) throw new Error(`the timestamp ${String(raw)} has no epoch milliseconds`);
        return ms;
      };
    default:
      return (raw) => raw;
  }
}

/** `{1,NULL,"a,b",{…}}` */
export function parseArray(text: string, decode: Decode): unknown[] {
  let at = text.indexOf('{');
  const read = (): unknown[] => {
    const items: unknown[] = [];
    at++;
    while (text[at] !== '}') {
      if (text[at] === ',') at++;
      else if (text[at] === '{') items.push(read());
      else items.push(readItem());
    }
    at++;
    return items;
  };
  const readItem = (): unknown => {
    if (text[at] !== '"') {
      const start = at;
      while (text[at] !== ',' && text[at] !== '}') at++;
      const plain = text.slice(start, at);
      return plain === 'NULL' ? null : decode(plain);
    }
    let item = '';
    for (at++; text[at] !== '"'; at++) item += text[at] === '\\' ? text[++at]! : text[at]!;
    at++;
    return decode(item);
  };
  return read();
}
