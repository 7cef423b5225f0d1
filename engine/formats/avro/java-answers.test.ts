/**
 * Against Apache Avro for Java (1.12.0): golden/java.jsonl holds, for the cases of golden/cases.jsonl and for bytes that we wrote
 * (golden/random.jsonl), what Java wrote and read; golden/JavaAvro.java made it.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { avroDecoder, avroEncoder } from './avro-codec.ts';
import { parseAvroSchema, type AvroSchema } from './parse-schema.ts';

interface Case {
  readonly name: string;
  readonly writer: AvroSchema;
  readonly reader?: AvroSchema;
  readonly bytes: string;
  /** What was read, in the reader's schema; null: refused. */
  readonly read: string | null;
}

/** Where Java does not read what was written. */
const JAVA_ERRS: Readonly<Record<string, string>> = {
  'random 124': 'Avro 1.12.0 reads arrays of doubles by way of floats',
  'random 132': 'the same',
};

const cases = readFileSync(new URL('golden/java.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Case);

describe('as Java', () => {
  it.each(cases)('$name', ({ name, writer, reader, bytes, read }) => {
    expect(outcome(writer, reader ?? writer, bytes)).toBe(name in JAVA_ERRS ? bytes : read);
  });

  it('is compared on enough cases, of which many are refused', () => {
    expect(cases.length).toBeGreaterThan(250);
    expect(cases.filter((c) => c.read === null).length).toBeGreaterThan(50);
  });
});

function outcome(writer: AvroSchema, reader: AvroSchema, hex: string): string | null {
  const readerType = parseAvroSchema(reader);
  let value: unknown;
  try {
    value = avroDecoder(parseAvroSchema(writer), readerType, 'bigint')(Buffer.from(hex, 'hex'), 0);
  } catch {
    return null;
  }
  return Buffer.from(avroEncoder(readerType)(value, null)).toString('hex');
}
