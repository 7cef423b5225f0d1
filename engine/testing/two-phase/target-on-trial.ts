/** What the target should show, and what it shows. */
import type { TimeLimit } from './time-limit.ts';

export interface TargetReads<T> {
  readCommitted(): Promise<readonly T[]>;
  textOf?(row: T): string;
  pending?(): Promise<readonly unknown[]>;
}

/** Rows named in a message. */
const SHOWN = 3;

export class TargetOnTrial<T> {
  private readonly reads: TargetReads<T>;
  private readonly exactly: boolean;
  private expected = new Map<string, number>();

  private readonly limit: TimeLimit;

  /** `exactly`: rows may not be there twice, either. */
  constructor(reads: TargetReads<T>, exactly: boolean, limit: TimeLimit) {
    this.reads = reads;
    this.exactly = exactly;
    this.limit = limit;
  }

  async begin(): Promise<void> {
    this.expected = await this.counted();
  }

  expect(rows: readonly T[]): void {
    for (const row of rows) add(this.expected, this.textOf(row));
  }

  /** What is wrong, in words. What is there is expected from then on, so that each fault is told once. */
  async compare(mayBeOpen = false): Promise<string[]> {
    const found = await this.counted();
    const missing: string[] = [];
    const tooMany: string[] = [];
    for (const [row, n] of this.expected) if ((found.get(row) ?? 0) < n) missing.push(row);
    for (const [row, n] of found) if (n > (this.expected.get(row) ?? 0)) tooMany.push(row);
    const isDouble = (row: string): boolean => (this.expected.get(row) ?? 0) > 0;
    const problems = [
      told(missing, 'lost'),
      told(
        tooMany.filter((row) => !isDouble(row)),
        'visible that should not be',
      ),
    ];
    if (this.exactly) problems.push(told(tooMany.filter(isDouble), 'written twice'));
    const pending = mayBeOpen ? [] : ((await this.limit.of('pending', () => this.reads.pending?.())) ?? []);
    problems.push(
      told(
        pending.map((transaction) => textOf(transaction)),
        'left open in the target',
        'transaction',
      ),
    );
    this.expected = found;
    return problems.filter((problem) => problem !== '');
  }

  private async counted(): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const row of await this.limit.of('readCommitted', () => this.reads.readCommitted()))
      add(counts, this.textOf(row));
    return counts;
  }

  private textOf(row: T): string {
    return this.reads.textOf?.(row) ?? textOf(row);
  }
}

const textOf = (value: unknown): string => JSON.stringify(value) ?? String(value);

function add(counts: Map<string, number>, text: string): void {
  counts.set(text, (counts.get(text) ?? 0) + 1);
}

function told(rows: readonly string[], what: string, thing = 'row'): string {
  if (rows.length === 0) return '';
  const shown = rows.slice(0, SHOWN).join(', ');
  return `${rows.length} ${thing}${rows.length === 1 ? '' : 's'} ${what}: ${shown}${rows.length > SHOWN ? ', …' : ''}`;
}
