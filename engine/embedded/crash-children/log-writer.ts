/**
 * Publishes epochs until killed: `log-writer.ts <root> <value bytes> <records per partition>`. Every epoch appends to all
 * three partitions of topic "t"; a record's value begins with "<epoch>:<i>". Prints each epoch once it is durable.
 */
import { writeSync } from 'node:fs';
import { openDiskLog } from '../disk-log.ts';

const [root, size, count] = process.argv.slice(2);
const log = await openDiskLog(root!, { segmentBytes: 500_000, journalBytes: 1_500_000 });
await log.createTopic('t', 3);
for (let epoch = ((await log.lastMarker('p'))?.epoch ?? 0) + 1; ; epoch++) {
  const records = Array.from({ length: Number(count) }, (_, i) => {
    const value = Buffer.alloc(Number(size), i);
    value.write(`${epoch}:${i};`);
    return { timestamp: epoch, key: null, value };
  });
  await log.append(
    [0, 1, 2].map((partition) => ({ topic: 't', partition, records })),
    { producer: 'p', run: 'r', epoch },
  );
  writeSync(1, `epoch ${epoch}\n`);
}
