/** A zip archive of a few small files, stored without compression: what Lambda takes as code. */
import { crc32 } from 'node:zlib';

export function zipOf(files: Readonly<Record<string, string | Uint8Array>>): Uint8Array {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const data = Buffer.from(content);
    const path = Buffer.from(name);
    // From "version needed" to "extra field length", alike in both headers.
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x21, 8);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(path.length, 22);
    const rest = Buffer.alloc(14);
    // Readable for all; the upper half holds Unix permissions.
    rest.writeUInt32LE(0o100644 * 0x1_0000, 6);
    rest.writeUInt32LE(offset, 10);
    bodies.push(Buffer.from('PK\x03\x04'), common, path, data);
    directory.push(Buffer.from('PK\x01\x02'), Buffer.from([20, 3]), common, rest, path);
    offset += 30 + path.length + data.length;
  }
  const end = Buffer.alloc(18);
  const n = Object.keys(files).length;
  end.writeUInt16LE(n, 4);
  end.writeUInt16LE(n, 6);
  end.writeUInt32LE(
    directory.reduce((size, part) => size + part.length, 0),
    8,
  );
  end.writeUInt32LE(offset, 12);
  return new Uint8Array(Buffer.concat([...bodies, ...directory, Buffer.from('PK\x05\x06'), end]));
}
