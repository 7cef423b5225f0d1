/** Writes until killed: `store-writer.ts <root> <name>`. Prints each write once it is durable. */
import { writeSync } from 'node:fs';
import { DiskBlobStore } from '../disk-blob-store.ts';
import { DiskStateStore } from '../disk-state-store.ts';

const [root, name] = process.argv.slice(2);
const state = new DiskStateStore(root!);
const blobs = new DiskBlobStore(root!);
for (let i = 0; ; i++) {
  const value = Buffer.alloc(200 + 37 * (i % 50), `${name}-${i} `);
  await state.createItem('job', `ack/${name}/${i}`, value);
  writeSync(1, `item ack/${name}/${i}\n`);
  await blobs.create(`seg/${name}/${i}`, [value, Buffer.alloc(300_000, i)]);
  writeSync(1, `blob seg/${name}/${i}\n`);
  const version = (await state.readHead('job'))?.version ?? 0;
  if ((await state.casHead('job', version, Buffer.from(`${version + 1}`))) === 'won')
    writeSync(1, `head ${version + 1}\n`);
}
