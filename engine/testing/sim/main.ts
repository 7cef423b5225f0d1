/** `npm run sim -- --seeds N [--seed S] [--mutants] [--trace]` */
import { simulate } from './simulate.ts';
const args = process.argv.slice(2);
const valueOf = (name: string): number | null => { const i = args.indexOf(name); return i < 0 ? null : Number(args[i+1]); };
const first = valueOf('--seed') ?? 1;
const n = valueOf('--seeds') ?? 1;
const t0 = performance.now();
let failed = 0; let events = 0; let epochs = 0; const ends: Record<string, number> = {}; let faults=0;
for (let seed = first; seed < first + n; seed++) {
  const r = await simulate(seed, args.includes('--trace') ? { trace: (l) => console.log(l) } : {});
  events += r.events; epochs += r.epochs; ends[r.end] = (ends[r.end] ?? 0) + 1; faults+=r.faults.length;
  if (r.broken !== null) { failed++; console.log(seed, r.broken.slice(0, 300)); if (failed >= 20) break; }
}
const s = (performance.now() - t0) / 1000;
console.log(JSON.stringify({ n, failed, s: s.toFixed(2), perMin: Math.round(n / s * 60), events, epochs, faults, ends, cpu: process.cpuUsage().user/1e6 }));
