/**
 * Whether two sets of blocks carry the same rows: per channel, in order. How rows were cut into batches, chunks and blocks does not matter,
 * nor does the channel's watermark at the end, which is that behind the last batch with a row for the receiver.
 */
import { crc32 } from 'node:zlib';
import { pack } from '../../state/serializer.ts';
import { ShuffleReader } from './shuffle-reader.ts';

export function sameRows(first: readonly Uint8Array[], second: readonly Uint8Array[]): boolean {
  const a = digests(first);
  const b = digests(second);
  return a.size === b.size && [...a].every(([channel, digest]) => b.get(channel) === digest);
}

/** By channel: rows, and a checksum of all that a receiver sees of them. */
function digests(blocks: readonly Uint8Array[]): Map<string | number, string> {
  const found = new Map<string | number, string>();
  const reader = new ShuffleReader();
  for (const channel of reader.readAll(blocks)) {
    let sum = 0;
    for (let batch = channel.next(); batch !== null; batch = channel.next()) {
      const { n, ts, wm, keyHashes, keys, input, isBroadcast, keyField, values, lazy, rows } = batch;
      for (let j = 0; j < n; j++) {
        if (lazy) rows.row!.__i = j;
        const value = lazy ? rows.row!.__copy() : values[j];
        const key = keyField === null ? keys[j] : null;
        sum = crc32(pack([ts[j], wm[j], keyHashes[j], key, input, isBroadcast, value]), sum);
      }
      reader.release(batch);
    }
    found.set(channel.channel, `${channel.rows} ${sum}`);
  }
  return found;
}
