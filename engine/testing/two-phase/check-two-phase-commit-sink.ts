/**
 * Does a sink that commits in two phases publish exactly once, whatever dies when? Publishes again and again into the real target, and
 * at every step of it, before and after: the process dies and another repeats it; the step fails and the same process repeats it;
 * another process publishes first, and this one goes on late; later epochs overtake it; a restore begins a new run. After each
 * case the target is read as an independent client sees it.
 *
 *     const report = await checkTwoPhaseCommitSink(() => new BatchesSink(url), {
 *       rows: (n) => [{ id: `${n}-a` }, { id: `${n}-b` }],
 *       readCommitted: () => client.select(),
 *       pending: () => client.preparedTransactions(),
 *     });
 *     expect(report.problems).toEqual([]);
 */
import { invariant, messageOf } from '../../model/errors.ts';
import type { TwoPhaseCommitSinkFunction } from '../../operators/two-phase/two-phase-commit-sink-function.ts';
import { TwoPhaseCommitSink } from '../../operators/two-phase/two-phase-commit-sink.ts';
import type { Publication } from '../../ports/sink.ts';
import { checkTwoPhaseContract } from './check-contract.ts';
import { ProcessOnTrial, WorldOnTrial, type Disturb } from './process-on-trial.ts';
import { TargetOnTrial } from './target-on-trial.ts';
import { TimeLimit } from './time-limit.ts';

export type TwoPhaseSinkOnTrial<T> = TwoPhaseCommitSink<T, unknown> | TwoPhaseCommitSinkFunction<T, unknown>;

export interface TwoPhaseCheckOptions<T, S> {
  /** Rows of the nth publication; no row may be the same as one of another n. Two or three are enough. */
  rows(n: number): readonly T[];
  /** Every visible row, in any order, as another client reads it. What was there at the beginning does not matter. */
  readCommitted(): Promise<readonly T[]>;
  /** What identifies a row. Default: its JSON text. */
  textOf?(row: T): string;
  /** Transactions that are prepared or open in the target: none may be left after a case. */
  pending?(): Promise<readonly unknown[]>;
  /** What a death does to the sink's connections: close them, without commit. Only needed where the target would wait for them. */
  kill?(sink: S): Promise<void>;
  /** For each call of the sink and of these functions; after it the check ends with what did not answer. Default 10 s. */
  readonly stepTimeoutMs?: number;
  /** 2: the process that repeats a publication dies as well, at each of its steps. Cases grow with the square. Default 1. */
  readonly deaths?: 1 | 2;
}

export interface TwoPhaseReport {
  readonly cases: number;
  /** What broke, in words; empty: nothing. At most 20: then the check ends. */
  readonly problems: readonly string[];
}

const MAX_PROBLEMS = 20;
const MAX_TRIES = 5;
/** Longer than any transaction may take. */
const LONG_MS = 365 * 86_400_000;
const STEP_TIMEOUT_MS = 10_000;
const NOTHING: Disturb = async () => undefined;

/** `sink`: a function that makes one for each process finds what a sink keeps in memory; a sink serves all of them. */
export async function checkTwoPhaseCommitSink<T, S extends TwoPhaseSinkOnTrial<T>>(
  sink: S | (() => S),
  options: TwoPhaseCheckOptions<T, S>,
): Promise<TwoPhaseReport> {
  const make = typeof sink === 'function' ? sink : () => sink;
  const check = new TwoPhaseCheck<T, S>(make, options);
  await check.everything();
  return { cases: check.cases, problems: check.problems };
}

class TwoPhaseCheck<T, S extends TwoPhaseSinkOnTrial<T>> {
  cases = 0;
  readonly problems: string[] = [];
  private readonly make: () => S;
  private readonly options: TwoPhaseCheckOptions<T, S>;
  private readonly limit: TimeLimit;
  private readonly world: WorldOnTrial;
  private readonly target: TargetOnTrial<T>;
  private runs = 0;
  private epoch = 0;
  private publications = 0;

  constructor(make: () => S, options: TwoPhaseCheckOptions<T, S>) {
    this.make = make;
    this.options = options;
    this.limit = new TimeLimit(options.stepTimeoutMs ?? STEP_TIMEOUT_MS);
    this.world = new WorldOnTrial(this.limit);
    this.target = new TargetOnTrial(options, make().guarantee === 'EXACTLY_ONCE', this.limit);
  }

  async everything(): Promise<void> {
    await this.target.begin();
    await this.begin();
    if (this.make() instanceof TwoPhaseCommitSink) {
      this.cases += 1;
      this.problems.push(
        ...(await checkTwoPhaseContract(() => this.makeTwoPhase(), this.options, this.target, this.limit)),
      );
    }
    await this.atEveryStep('the process died', (at) => this.death(at, 0));
    await this.atEveryStep('the call failed', (at) => this.failure(at));
    await this.atEveryStep('another process published first', (at) => this.rival(at, async () => undefined));
    await this.atEveryStep('two later epochs were published first', (at) => this.rival(at, (by) => this.later(by)));
    await this.atEveryStep('a restore began a new run first', (at) => this.rival(at, (by) => this.restore(by)));
    if (this.options.deaths !== 2) return;
    for (let first = 1, reached = true; reached && !this.isFull; first++) {
      reached = false;
      await this.atEveryStep(`the process died at step ${first}, and its successor`, async (at) => {
        const died = await this.death(first, at);
        reached ||= died !== null;
        return died;
      });
    }
  }

  private makeTwoPhase(): TwoPhaseCommitSink<T, unknown> {
    const made: TwoPhaseSinkOnTrial<T> = this.make();
    invariant(made instanceof TwoPhaseCommitSink, 'a function makes sinks of one kind');
    return made;
  }

  private get isFull(): boolean {
    return this.problems.length >= MAX_PROBLEMS || this.limit.exceeded !== null;
  }

  /** `scenario` answers the step that it disturbed; null: there is no such step any more. */
  private async atEveryStep(what: string, scenario: (at: number) => Promise<string | null>): Promise<void> {
    for (let at = 1; !this.isFull; at++) {
      // What the case before left in the ledger is forgotten: every case has the same steps.
      await this.world.clock.advance(LONG_MS);
      let step: string | null;
      try {
        step = await scenario(at);
        this.cases += 1;
        const where = step === null ? 'nothing was disturbed' : `${what} ${step}`;
        for (const problem of await this.target.compare()) this.problems.push(`${where}: ${problem}`);
      } catch (thrown) {
        this.problems.push(`${what} at step ${at}: ${messageOf(thrown)}`);
        return;
      }
      if (step === null) return;
    }
  }

  /** Dies at `at`; a successor repeats it, which dies at `again`, if that is not 0; a last one repeats it to the end, twice. */
  private async death(at: number, again: number): Promise<string | null> {
    const publication = this.next();
    const first = await this.dying(at, publication);
    if (first === null) return null;
    const second = again === 0 ? null : await this.dying(again, publication);
    await this.publish(this.process(), publication);
    await this.publish(this.process(), publication);
    if (again !== 0 && second === null) return null;
    return second === null ? first : `${second} (the first: ${first})`;
  }

  private async dying(at: number, publication: Publication): Promise<string | null> {
    const process: ProcessOnTrial<T, S> = this.process(at, async () => {
      await this.limit.of('kill', () => this.options.kill?.(process.sink));
      process.die();
    });
    await process.publish(publication);
    return process.disturbedAt;
  }

  private async failure(at: number): Promise<string | null> {
    const process = this.process(at, async () => {
      throw new Error('injected by checkTwoPhaseCommitSink');
    });
    await this.publish(process, this.next());
    return process.disturbedAt;
  }

  /** Others publish first, and go on; then this one does what it was about to do. */
  private async rival(at: number, goOn: (by: ProcessOnTrial<T, S>) => Promise<void>): Promise<string | null> {
    const publication = this.next();
    const { run } = publication;
    const process = this.process(at, async () => {
      const rival = this.process();
      await this.publish(rival, publication);
      await goOn(rival);
    });
    if (!(await process.publish(publication)) && run === this.run) await this.publish(this.process(), publication);
    return process.disturbedAt;
  }

  /** So late that the ledger has forgotten the epoch. */
  private async later(by: ProcessOnTrial<T, S>): Promise<void> {
    await this.world.clock.advance(LONG_MS);
    await this.publish(by, this.next());
    await this.publish(by, this.next());
  }

  private async restore(by: ProcessOnTrial<T, S>): Promise<void> {
    await this.world.clock.advance(LONG_MS);
    await this.begin(by);
    await this.publish(by, this.next());
  }

  private async begin(by: ProcessOnTrial<T, S> = this.process()): Promise<void> {
    this.runs += 1;
    if (!(await by.stamp(this.run, this.epoch, 0))) throw failureOf(by, 'beginning a new run');
  }

  private get run(): string {
    return `r${String(this.runs).padStart(14, '0')}-check`;
  }

  private next(): Publication {
    const rows = this.options.rows(this.publications++);
    this.target.expect(rows);
    this.epoch += 1;
    const chunks = this.process().stage(rows);
    return { run: this.run, epoch: this.epoch, slot: 0, records: rows.length, chunks };
  }

  private process(at = 0, disturb = NOTHING): ProcessOnTrial<T, S> {
    return new ProcessOnTrial<T, S>(this.make(), this.world, at, disturb);
  }

  /** As the job does: until it succeeds. */
  private async publish(process: ProcessOnTrial<T, S>, publication: Publication): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) if (await process.publish(publication)) return;
    throw failureOf(process, `publishing again (${MAX_TRIES} times)`);
  }
}

function failureOf(process: { readonly failure: unknown }, what: string): Error {
  return new Error(`${what} failed: ${messageOf(process.failure)}`);
}
