/** Durations are plain numbers of milliseconds; these read like Flink's `Duration`. */
export const Duration = {
  ofMillis: (n: number): number => n,
  ofSeconds: (n: number): number => n * 1000,
  ofMinutes: (n: number): number => n * 60_000,
  ofHours: (n: number): number => n * 3_600_000,
  ofDays: (n: number): number => n * 86_400_000,
} as const;
