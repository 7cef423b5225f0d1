/** Schemas → functions on bytes: what the (de)serialization schemas are made of. */
import { AvroInput } from './avro-input.ts';
import { AvroOutput } from './avro-output.ts';
import type { AvroType, Longs } from './avro-types.ts';
import { generateReader } from './generate-reader.ts';
import { generateWriter } from './generate-writer.ts';
import { resolveSchemas } from './resolve.ts';

/** Decodes the datum in `bytes[from, …)`, all of it. Throws an Error with the reason and the field. */
export type DecodeDatum = (bytes: Uint8Array, from: number) => unknown;
/** The datum's bytes, after those of `prefix`. Throws an Error with the reason and the field. */
export type EncodeDatum = (value: unknown, prefix: Uint8Array | null) => Uint8Array;

/** Throws when nothing that was written with `writer` could be read as `reader`. */
export function avroDecoder(writer: AvroType, reader: AvroType, longs: Longs): DecodeDatum {
  const action = resolveSchemas(writer, reader, longs);
  if (action.kind === 'error') throw new Error(action.message);
  const read = generateReader(action, longs);
  const input = new AvroInput();
  return (bytes, from) => {
    const value = read(input.open(bytes, from));
    input.finish();
    return value;
  };
}

export function avroEncoder(type: AvroType): EncodeDatum {
  const write = generateWriter(type);
  const output = new AvroOutput();
  return (value, prefix) => {
    output.pos = 0;
    if (prefix !== null) output.raw(prefix);
    write(output, value);
    return output.take();
  };
}
