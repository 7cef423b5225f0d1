/** A function's process gets SIGKILL from outside, while a request of it, or the answer, is on its way. */
import type { EntryPoint } from '../../../../infra/functions.ts';
import type { StopAt, TcpProxy } from '../../tcp-proxy.ts';
import { ALL_VARIANTS, BOTH_MODES, FANNED_OUT, FUSED, FUSED_IN_MEMORY, type AwsFaultCase } from '../aws-case.ts';
import type { AwsTrial } from '../aws-trial.ts';

interface Death {
  readonly who: EntryPoint;
  readonly where: string;
  /** What the request goes to. */
  readonly to: 'kafka' | 'database' | 'aws';
  readonly at: StopAt;
}

function death(name: string, { who, where, to, at }: Death, more: Partial<AwsFaultCase> = {}): AwsFaultCase {
  const through = (trial: AwsTrial): TcpProxy => (to === 'aws' ? trial.aws[who] : trial[to]);
  return {
    name: `${who}-${name}`,
    what: `${who} killed ${where}`,
    checks: 'the invocation failed',
    variants: [FANNED_OUT],
    async run(trial) {
      const run = await trial.start();
      await trial.afterEpochs(run, 2);
      const stop = through(trial).stopAt(at);
      await trial.feedUntil(stop, run);
      trial.stack.kill(who);
      stop.lose();
      await trial.toTheEnd(run);
      if ((await run.errors()).length === 0) throw new Error('No invocation failed.');
    },
    ...more,
  };
}

/** In the bucket, or a small one in the table. */
const SEGMENT = /^Put(Object|Item) (state|out)/;
const COMMIT = 'UpdateItem head committed';

/** The coordinator of a fused epoch does all of it. */
const coordinators: readonly AwsFaultCase[] = [
  death(
    'reading',
    { who: 'coordinator', where: 'while it reads the topic', to: 'kafka', at: { request: 'Fetch', when: 'after' } },
    { variants: [FUSED] },
  ),
  death(
    'staging',
    { who: 'coordinator', where: 'while it writes a segment', to: 'aws', at: { request: SEGMENT, when: 'before' } },
    { variants: [FUSED] },
  ),
  death(
    'staged',
    { who: 'coordinator', where: 'after a segment is written', to: 'aws', at: { request: SEGMENT, when: 'after' } },
    { variants: [FUSED] },
  ),
  death(
    'planning',
    {
      who: 'coordinator',
      where: 'after its plan has taken a generation',
      to: 'aws',
      at: { request: 'UpdateItem head running', when: 'after' },
    },
    { variants: BOTH_MODES },
  ),
  death(
    'before-commit',
    { who: 'coordinator', where: 'before the commit', to: 'aws', at: { request: COMMIT, when: 'before' } },
    { variants: BOTH_MODES },
  ),
  death(
    'after-commit',
    { who: 'coordinator', where: 'after the commit', to: 'aws', at: { request: COMMIT, when: 'after' } },
    { variants: ALL_VARIANTS, isQuick: true },
  ),
  death(
    'publishing',
    {
      who: 'coordinator',
      where: 'half-way through publishing, before EndTxn',
      to: 'kafka',
      at: { request: 'EndTxn', when: 'before' },
    },
    { variants: [FUSED] },
  ),
  death(
    'published',
    {
      who: 'coordinator',
      where: 'after EndTxn, before its answer',
      to: 'kafka',
      at: { request: 'EndTxn', when: 'after' },
    },
    { variants: [FUSED] },
  ),
  death(
    'database',
    {
      who: 'coordinator',
      where: 'after COMMIT, before its answer',
      to: 'database',
      at: { request: 'COMMIT', when: 'after' },
    },
    { variants: [FUSED] },
  ),
];

const subtasks: readonly AwsFaultCase[] = [
  death('reading', {
    who: 'subtask',
    where: 'while it reads the topic',
    to: 'kafka',
    at: { request: 'Fetch', when: 'after' },
  }),
  death('writing', {
    who: 'subtask',
    where: 'while it writes a segment',
    to: 'aws',
    at: { request: SEGMENT, when: 'before' },
  }),
  death('before-ack', {
    who: 'subtask',
    where: 'before its ack is written',
    to: 'aws',
    at: { request: 'PutItem ack', when: 'before' },
  }),
  death(
    'before-answer',
    {
      who: 'subtask',
      where: 'after its ack, before its answer',
      to: 'aws',
      at: { request: 'PutItem ack', when: 'after' },
    },
    { isQuick: true },
  ),
];

const publishers: readonly AwsFaultCase[] = [
  death('half-way', {
    who: 'publisher',
    where: 'half-way, before EndTxn',
    to: 'kafka',
    at: { request: 'EndTxn', when: 'before' },
  }),
  death('before-answer', {
    who: 'publisher',
    where: 'after EndTxn, before its answer',
    to: 'kafka',
    at: { request: 'EndTxn', when: 'after' },
  }),
  death('database', {
    who: 'publisher',
    where: 'after COMMIT, before its answer',
    to: 'database',
    at: { request: 'COMMIT', when: 'after' },
  }),
];

/** So many epochs make a log that is worth folding (engine/aws/host/fixed-use.ts). */
const LONG_LOG = 17;

/** The folder works beside the epochs: nobody waits for it. */
function folderDeath(name: string, where: string, at: StopAt): AwsFaultCase {
  return {
    name: `folder-${name}`,
    what: `folder killed ${where}`,
    variants: [FUSED, FUSED_IN_MEMORY],
    async run(trial) {
      const run = await trial.start();
      const stop = trial.aws.folder.stopAt(at);
      await trial.afterEpochs(run, LONG_LOG);
      await trial.feedUntil(stop, run);
      trial.stack.kill('folder');
      stop.lose();
      await trial.toTheEnd(run);
    },
  };
}

const folders: readonly AwsFaultCase[] = [
  folderDeath('half-way', 'before the first item or object of the base is written', {
    request: /^(Put|Update|BatchWrite|Transact)/,
    when: 'before',
  }),
  folderDeath('written', 'after items or an object of the base are written', {
    request: /^(Put|Update|BatchWrite|Transact)/,
    when: 'after',
  }),
  folderDeath('before-record', 'before its record says that the base is there', {
    request: 'PutItem fold',
    when: 'before',
  }),
  folderDeath('before-answer', 'after its record, before its answer', { request: 'PutItem fold', when: 'after' }),
];

export const invocationDeaths: readonly AwsFaultCase[] = [...coordinators, ...subtasks, ...publishers, ...folders];
