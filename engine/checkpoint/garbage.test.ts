import { describe, expect, test } from 'vitest';
import { attemptId, epoch, generation, runId, wallTimeMs } from '../model/ids.ts';
import { garbage } from './garbage.ts';
import { ackKey, foldKey, foldTag, manifestKey, parseItemKey, planKey } from './item-keys.ts';
import { attemptObjectName, foldObjectName, parseObjectName } from './object-names.ts';
import type { Head, Manifest } from './records.ts';

const object = (e: number, g: number, what: string): string =>
  attemptObjectName(
    {
      job: 'j',
      run: runId('r1'),
      epoch: epoch(e),
      generation: generation(g),
      stage: 'fused',
      subtask: 0,
      attempt: attemptId('a'),
    },
    what,
  );
const fold = (e: number, g: number): string => foldObjectName('j', 'r1', foldTag(epoch(e), generation(g), 's'), 'base');
const key = manifestKey(epoch(5), generation(9));
const head = (phase: Head['phase'], lease: Head['lease'] = { owner: 'o', ttlMs: 1, session: 's' }): Head => ({
  format: 1,
  job: 'j',
  run: runId('r1'),
  generation: generation(phase.kind === 'running' ? 10 : 9),
  epoch: epoch(5),
  manifest: key,
  folded: null,
  clock: wallTimeMs(0),
  phase,
  lease,
});
const manifest = {
  state: {
    base: null,
    log: [{ object: { blob: object(2, 3, 'state'), bytes: 1 }, epoch: epoch(2), stage: 'fused', keyGroups: [0, 128] }],
  },
  staged: [{ sink: 'k', slot: 0, records: 1, objects: [{ blob: object(5, 9, 'out'), bytes: 1 }] }],
} as unknown as Manifest;
const deadBlobs = (h: Head, ...names: string[]) =>
  garbage({ head: h, manifest, folded: null, plan: null }, [], names).blobs;

describe('E6: what may be swept', () => {
  test('referenced state stays, whatever its age; unreferenced state of decided attempts goes', () => {
    expect(deadBlobs(head({ kind: 'published' }), object(2, 3, 'state'), object(2, 2, 'state'))).toEqual([
      object(2, 2, 'state'),
    ]);
  });
  test('staged output stays until it is published', () => {
    expect(deadBlobs(head({ kind: 'committed' }), object(5, 9, 'out'), object(5, 9, 'other'))).toEqual([
      object(5, 9, 'other'),
    ]);
    expect(deadBlobs(head({ kind: 'published' }), object(5, 9, 'out'))).toEqual([object(5, 9, 'out')]);
  });
  test('what an attempt of the running generation writes stays; what comes later is never touched', () => {
    const running = head({ kind: 'running', plan: 'plan/x' });
    expect(deadBlobs(running, object(6, 10, 'state'), object(6, 11, 'state'), object(6, 9, 'state'))).toEqual([
      object(6, 9, 'state'),
    ]);
  });
  test('a fold stays as long as some of the log that it stands for is there, whoever holds the lease', () => {
    const folds = [fold(5, 9), fold(4, 8), fold(2, 2), fold(1, 1)];
    expect(deadBlobs(head({ kind: 'published' }), ...folds)).toEqual([fold(1, 1)]);
    expect(deadBlobs(head({ kind: 'published' }, null), ...folds)).toEqual([fold(1, 1)]);
    expect(deadBlobs(head({ kind: 'finished' }, null), ...folds, fold(5, 10))).toEqual(folds);
    expect(deadBlobs({ ...head({ kind: 'published' }), run: runId('r2') }, ...folds)).toEqual(folds);
    expect(deadBlobs({ ...head({ kind: 'published' }), run: runId('r0') }, ...folds)).toEqual([fold(1, 1)]);
  });
  test('foreign names are never touched', () => {
    expect(deadBlobs(head({ kind: 'published' }), 'jobs/j/readme', 'jobs/other/r1/x', 'out/part-1')).toEqual([]);
    expect(parseObjectName('j', object(2, 3, 'x'))).toEqual({ kind: 'attempt', run: 'r1', epoch: 2, generation: 3 });
    expect(parseItemKey('savepoint/1')).toBeNull();
  });
  test('items: plans, acks and manifests that nothing leads to', () => {
    const plan = planKey(epoch(6), generation(10), 's');
    const running = head({ kind: 'running', plan });
    const older = manifestKey(epoch(4), generation(7));
    const keys = [
      plan,
      planKey(epoch(6), generation(10), 't'),
      planKey(epoch(6), generation(11), 't'),
      planKey(epoch(5), generation(9), 's'),
      ackKey(epoch(6), generation(10), 'fused', 0),
      ackKey(epoch(5), generation(9), 'fused', 0),
      key,
      older,
      manifestKey(epoch(3), generation(5)),
      foldKey(foldTag(epoch(1), generation(1), 's')),
      foldKey(foldTag(epoch(3), generation(5), 's')),
    ];
    const dead = garbage({ head: running, manifest, folded: null, plan: null, history: [key, older] }, keys, []).items;
    expect(dead).toEqual([keys[3], keys[5], keys[8], keys[9]]);
  });
});
