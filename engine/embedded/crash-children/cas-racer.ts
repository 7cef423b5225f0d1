/** Races for the head: `cas-racer.ts <root> <name> <until version>`. Prints "won|unknown <version>" and "read <version> <writer>". */
import { writeSync } from 'node:fs';
import { UnknownOutcomeError } from '../../model/errors.ts';
import { DiskStateStore } from '../disk-state-store.ts';

const [root, name, until] = process.argv.slice(2);
const store = new DiskStateStore(root!);
for (;;) {
  const head = await store.readHead('job');
  const version = head?.version ?? 0;
  if (head !== null) writeSync(1, `read ${version} ${Buffer.from(head.bytes).toString()}\n`);
  if (version >= Number(until)) break;
  try {
    if ((await store.casHead('job', version, Buffer.from(name!))) === 'won') writeSync(1, `won ${version + 1}\n`);
  } catch (thrown) {
    if (!(thrown instanceof UnknownOutcomeError)) throw thrown;
    writeSync(1, `unknown ${version + 1}\n`);
  }
}
