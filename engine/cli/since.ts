/** `--since`: how long ago (`90s`, `10m`, `2h`, `1d`), or a time (`2026-11-22T19:00:00Z`). */
import { ConfigError } from '../model/errors.ts';

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const AGO = /^(\d{1,9})(ms|s|m|h|d)$/;

export function parseSince(text: string, nowMs: number): number {
  const ago = AGO.exec(text);
  if (ago !== null) return nowMs - Number(ago[1]) * UNIT_MS[ago[2] as keyof typeof UNIT_MS];
  const time = /^\d{4}-/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(time))
    throw new ConfigError(
      `--since ${text}: write how long ago, as 90s, 10m, 2h or 1d, or a time, as 2026-11-22T19:00:00Z.`,
    );
  return time;
}
