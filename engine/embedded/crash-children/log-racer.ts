/** Appends among others: `log-racer.ts <root> <name> <appends>`: two records an append, values "<name>:<i>". */
import { openDiskLog } from '../disk-log.ts';

const [root, name, appends] = process.argv.slice(2);
const log = await openDiskLog(root!, { segmentBytes: 20_000, journalBytes: 20_000 });
for (let i = 0; i < Number(appends); i++) {
  const record = (n: number): { timestamp: number; key: null; value: Buffer } => ({
    timestamp: 0,
    key: null,
    value: Buffer.from(`${name}:${n}`),
  });
  await log.append([{ topic: 't', partition: 0, records: [record(2 * i), record(2 * i + 1)] }], {
    producer: name!,
    run: 'r',
    epoch: i + 1,
  });
}
await log.close();
