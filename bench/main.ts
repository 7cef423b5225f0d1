/**
 * `npm run bench -- orders FILE [--repeats N]`: one JSON line per run, then a summary line. Every run is a process of its own, the
 * variants interleaved, so that other load on the machine falls on all of them alike. Speed is claimed here, never in a timed test.
 */
import { benchOrders } from './orders/main.ts';

const [name, ...args] = process.argv.slice(2);
if (name === 'orders') benchOrders(args);
else {
  process.stderr.write(
    'usage: npm run bench -- orders FILE [--repeats N]\n  FILE: orders as JSON lines, as ../shared/oracle/gen_orders.py makes them (N OUT)\n',
  );
  process.exitCode = 2;
}
