/**
 * Which kills there will be, from a seed: every named point of the protocol once, as far as there are kills, and random moments for
 * the rest. In random order but for two: the first kill is one that leaves a committed epoch behind (a restore needs one), and
 * `end-cas` comes last, because the job finishes with it.
 */
import { CRASH_POINTS, type CrashPoint } from '../../engine/runtime/crash-point.ts';

export type Kill =
  /** By the process itself, at the nth passing of the point. `restore`: with `--restore`, which alone passes the point. */
  | { readonly kind: 'point'; readonly point: CrashPoint; readonly nth: number; readonly restore: boolean }
  /** By us, so long after the process has taken the job. */
  | { readonly kind: 'random'; readonly afterMs: number };

/** Once per start of a process, and so at their first passing. */
const ONCE_PER_START: readonly CrashPoint[] = [
  'claim-cas',
  'stamped',
  'stamp-cas',
  'fold-written',
  'fold-cas',
  'sweep',
  'end-cas',
];
const BY_RESTORE: readonly CrashPoint[] = ['stamped', 'stamp-cas'];
/** The points a short run should not leave out: where something is half decided, half visible. */
const MOST_DELICATE: readonly CrashPoint[] = [
  'slot-published',
  'commit-cas',
  'stamped',
  'manifest-written',
  'fold-written',
  'published-cas',
  'claim-cas',
  'end-cas',
];
const FIRST_NTH = 2;
const LAST_NTH = 6;
const RANDOM_MS = 1500;

export function planKills(count: number, random: () => number): readonly Kill[] {
  const rest = CRASH_POINTS.filter((point) => !MOST_DELICATE.includes(point));
  return orderKills(
    [...MOST_DELICATE, ...shuffled(rest, random)].slice(0, count),
    Math.max(0, count - CRASH_POINTS.length),
    random,
  );
}

/** Kills at these points, and `randoms` at random moments. */
export function orderKills(points: readonly CrashPoint[], randoms: number, random: () => number): readonly Kill[] {
  const at = (point: CrashPoint): Kill => ({
    kind: 'point',
    point,
    nth: ONCE_PER_START.includes(point) ? 1 : between(FIRST_NTH, LAST_NTH, random),
    restore: BY_RESTORE.includes(point),
  });
  const end = points.includes('end-cas') ? [at('end-cas')] : [];
  const named = shuffled(
    points.filter((point) => point !== 'end-cas'),
    random,
  ).map(at);
  const first = named.findIndex((kill) => kill.kind === 'point' && kill.nth >= FIRST_NTH);
  const opening = first < 0 ? [] : named.splice(first, 1);
  const moments = Array.from({ length: randoms }, (): Kill => ({
    kind: 'random',
    afterMs: between(0, RANDOM_MS, random),
  }));
  return [...opening, ...shuffled([...named, ...moments], random), ...end];
}

export function describeKill(kill: Kill): string {
  if (kill.kind === 'random') return `kill -9 after ${kill.afterMs} ms`;
  return `at ${kill.point}:${kill.nth}${kill.restore ? ' of --restore' : ''}`;
}

/** Numbers in [0, 1) that a seed decides (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const between = (from: number, to: number, random: () => number): number =>
  from + Math.floor(random() * (to - from + 1));

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
