/** What a chaos run prints: a line per kill, then the comparison. */
import { CRASH_POINTS } from '../../engine/runtime/crash-point.ts';
import { totalsOf } from '../state-inspection.ts';
import { describeKill } from './kills.ts';
import type { ChaosResult, Killed } from './run-chaos.ts';

/** Of one kind; all of them can be seen in the folder. */
const MAX_PROBLEMS = 8;

export const killHeader: string = ` #  ${'killed'.padEnd(30)}${'last phase'.padEnd(18)}epoch  gen     read  ${'head left'.padEnd(11)}the restart`;

export function killLine({ number, kill, phase, left, restart }: Killed): string {
  const head = left?.head;
  return [
    `${String(number).padStart(2)}  ${describeKill(kill).padEnd(30)}`,
    (phase === '' ? 'before the claim' : phase).padEnd(18),
    `${String(head?.epoch ?? 0).padStart(5)}  ${String(head?.generation ?? 0).padStart(3)}  ${String(totalsOf(left)['recordsIn'] ?? 0).padStart(7)}  `,
    `${(head?.phase.kind ?? 'none').padEnd(11)}${restartText(restart)}`,
  ].join('');
}

export function resultText(result: ChaosResult): string {
  const { killed, problems, rows, epochs, runs } = result;
  const named = new Set(killed.flatMap(({ kill }) => (kill.kind === 'point' ? [kill.point] : [])));
  const missing = CRASH_POINTS.filter((point) => !named.has(point));
  const random = killed.filter(({ kill }) => kill.kind === 'random').length;
  const sinks = Object.entries(rows).map(([sink, n]) => `${sink || 'output'} ${n.toLocaleString('en-US')}`);
  return [
    `${killed.length} kills: ${named.size} of ${CRASH_POINTS.length} named phases, ${random} at random moments; ${epochs} epochs, ${runs} runs.`,
    `Named phases without a kill: ${missing.length === 0 ? 'none' : missing.join(', ')}.`,
    ...(problems.size === 0
      ? [`Identical to the undisturbed run, row by row: ${sinks.join(' · ')}; same counts; nothing left behind.`]
      : ['NOT as the undisturbed run:', ...[...problems].flatMap(([where, found]) => problemLines(where, found))]),
  ].join('\n');
}

function problemLines(where: string, found: readonly string[]): readonly string[] {
  const shown = found.slice(0, MAX_PROBLEMS).map((problem) => `    ${problem}`);
  return [`  ${where} (${found.length}):`, ...shown, ...(found.length > shown.length ? ['    …'] : [])];
}

/** "claim-cas, publish-started, slot-published × 3, …" */
function restartText(points: readonly string[]): string {
  if (points.length === 0) return 'nothing was left to do';
  const parts: { point: string; times: number }[] = [];
  for (const point of points) {
    const last = parts.at(-1);
    if (last?.point === point) last.times += 1;
    else parts.push({ point, times: 1 });
  }
  return parts.map(({ point, times }) => (times === 1 ? point : `${point} × ${times}`)).join(', ');
}
