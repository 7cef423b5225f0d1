/** The ways to run the job that are compared with the embedded run: each is settings of the job. */
export interface Mode {
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
}

export const MODES: readonly Mode[] = [
  { name: 'fused', settings: { epochMode: 'fused', parallelism: '1', epochMs: '250' } },
  { name: 'fanned-out', settings: { epochMode: 'fanned-out', parallelism: '3', epochMs: '2500' } },
  // Begins fused, and is fanned out for what one subtask would not read in an epoch.
  { name: 'auto', settings: { epochMode: 'auto', parallelism: '3', epochMs: '250' } },
];
