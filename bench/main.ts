/**
 * `npm run bench -- NAME …`: one JSON line per run, then a summary line. Every run is a process of its own, the variants interleaved, so
 * that other load on the machine falls on all of them alike. Speed is claimed here, never in a timed test.
 */
import { benchJdbc } from './jdbc/main.ts';
import { benchKafkaClients } from './kafka/clients.ts';
import { benchKafka } from './kafka/main.ts';
import { benchKeys } from './keys/main.ts';
import { benchOperators } from './operators/main.ts';
import { benchOrders } from './orders/main.ts';
import { benchShuffle } from './shuffle/main.ts';
import { benchSizes } from './sizes/main.ts';

const BENCHES: Readonly<Record<string, (args: readonly string[]) => void | Promise<void>>> = {
  orders: benchOrders,
  shuffle: benchShuffle,
  sizes: benchSizes,
  keys: benchKeys,
  operators: benchOperators,
  jdbc: benchJdbc,
  kafka: benchKafka,
  'kafka-clients': benchKafkaClients,
};
const USAGE = `usage: npm run bench -- NAME …
  orders FILE [--repeats N] [--parallelism P]   the orders job against a bare loop, or P workers against one
  shuffle [--repeats N]                         the shuffle's codec
  sizes                                         bytes of head and manifest
  keys [--keys N]                               a run with many keys
  operators [FILE] [--repeats N] [--only NAME]  windows, timers and joins over Nexmark events
  jdbc [--repeats N] [--rows N]                 upserts into PostgreSQL and MariaDB, exactly once
  kafka [--repeats N] [--records N] [--only PART]  Kafka to Kafka exactly once, beside Flink; drain, latency, publish, read
  kafka-clients [--repeats N]                   the two client libraries
FILE: orders as JSON lines, as ../shared/oracle/gen_orders.py makes them (N OUT); for operators Nexmark events, by default made by
../shared/oracle/gen/gen_nexmark.py.
`;

const [name, ...args] = process.argv.slice(2);
const bench = name === undefined ? undefined : BENCHES[name];
if (bench === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else await bench(args);
