/** The next stage, from answers alone. */
import { expect, test } from 'vitest';
import type { Ack, ReadRange } from '../../../checkpoint/records.ts';
import { attemptId } from '../../../model/ids.ts';
import { decideStage, type StageAnswers } from './decide-stage.ts';
import { SOURCES, type StageDone, type StageFailed } from './stage-records.ts';

const range = (id: string, to: number): ReadRange => ({
  id,
  from: 0,
  to,
  state: { generators: {}, watermark: 0, idleSince: null, ended: false },
});
const done = (rows: number, ...ranges: ReadRange[]): StageDone => ({
  format: 1,
  kind: 'done',
  ack: { ranges, counts: { recordsIn: rows } } as unknown as Ack,
  sent: [],
  read: null,
});
const failed = (reason: string, more: Partial<StageFailed> = {}): StageFailed => ({
  format: 1,
  kind: 'failed',
  attempt: attemptId('a'),
  reason,
  code: 'user-code',
  poison: null,
  retryable: true,
  outOfTime: false,
  ranges: null,
  ...more,
});
const sources = (...answers: StageAnswers['answers']): StageAnswers => ({ stage: SOURCES, answers });
const sums = (...answers: StageAnswers['answers']): StageAnswers => ({ stage: 'sums', answers });
const poison = { split: 'rows/0', position: 3, operator: 'map', error: 'no' };
const read = sources(done(4, range('rows/1', 4)), done(2, range('rows/0', 2)));

test('stage after stage, and of a stage those that have not answered', () => {
  expect(decideStage([sources(null, null)], null)).toEqual({ kind: 'stage', stage: SOURCES, missing: [0, 1] });
  expect(decideStage([sources(done(1), null)], null)).toEqual({ kind: 'stage', stage: SOURCES, missing: [1] });
  expect(decideStage([read, sums(null, done(0))], null)).toEqual({ kind: 'stage', stage: 'sums', missing: [0] });
  expect(decideStage([read, sums(done(0))], null)).toEqual({ kind: 'complete' });
});

test('an answer that will not come fails the epoch; the ranges are known once every source has answered', () => {
  const gaveUp = (stage: string) => ({ stage, error: 'it timed out' });
  const early = decideStage([sources(done(4, range('rows/1', 4)), null)], gaveUp(SOURCES));
  expect(early).toMatchObject({ kind: 'failed', stage: SOURCES, ranges: null, rows: 4, retryable: true });
  const later = decideStage([read, sums(done(0), null, null)], gaveUp('sums'));
  expect(later).toMatchObject({
    kind: 'failed',
    reason: 'stage "sums": no answer of subtasks 1, 2: it timed out',
    ranges: [range('rows/0', 2), range('rows/1', 4)],
    rows: 6,
    retryable: true,
  });
});

test('a stage that was given up, but has answered, counts; the next one is not given up with it', () => {
  const gaveUp = { stage: SOURCES, error: 'the answer was lost' };
  expect(decideStage([read, sums(null)], gaveUp)).toEqual({ kind: 'stage', stage: 'sums', missing: [0] });
});

test('a failure is told with what is known: what ends the job first, then a record to skip', () => {
  const late = failed('late', { outOfTime: true });
  const bad = failed('bad', { poison });
  const hopeless = failed('hopeless', { retryable: false });
  expect(decideStage([read, sums(late, bad, null)], null)).toMatchObject({ reason: 'bad', poison, rows: 6 });
  expect(decideStage([read, sums(late, bad, hopeless)], null)).toMatchObject({ reason: 'hopeless', retryable: false });
  expect(decideStage([read, sums(late)], null)).toMatchObject({ reason: 'late', outOfTime: true });
});

test('a source that failed at a record says how far it had read', () => {
  const bad = failed('bad', { poison, ranges: [range('rows/0', 3)] });
  expect(decideStage([sources(bad, done(4, range('rows/1', 4)))], null)).toMatchObject({
    poison,
    ranges: [range('rows/0', 3), range('rows/1', 4)],
  });
  expect(decideStage([sources(failed('bad'), done(4, range('rows/1', 4)))], null)).toMatchObject({ ranges: null });
});
