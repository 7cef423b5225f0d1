import { expect, test } from 'vitest';
import { runId } from '../model/ids.ts';
import { adopted, mayBeRead, namespaceOf } from './adopt-fold.ts';
import type { BaseRef, FoldRecord } from './records.ts';
import type { Base } from './states.ts';

const RUN = runId('r');
const tableAt = (epoch: number, namespace: string): BaseRef =>
  ({ epoch, snapshots: [], table: { namespace, operators: ['op'], due: {} } }) as unknown as BaseRef;
const standing = (base: BaseRef | null, ...log: readonly number[]): Base =>
  ({
    manifest: { epoch: 40, state: { base, log: log.map((epoch) => ({ epoch })) } },
    folded: null,
  }) as unknown as Base;
const record = (epoch: number, namespace: string): FoldRecord =>
  ({ format: 1, run: RUN, epoch, base: tableAt(epoch, namespace) }) as unknown as FoldRecord;
const isAdopted = (base: Base, fold: FoldRecord): boolean => adopted(base, fold, { run: RUN }).folded === fold;

test('a fold in a namespace that a sweep may have dropped is not adopted, however late its epoch', () => {
  const rivals = standing(tableAt(25, namespaceOf(RUN, 25)), 26, 30);
  expect(isAdopted(rivals, record(30, namespaceOf(RUN, 20)))).toBe(false);
  expect(isAdopted(rivals, record(30, namespaceOf(RUN, 25)))).toBe(true);
  expect(isAdopted(rivals, record(30, namespaceOf(RUN, 30)))).toBe(true);
});

test('the first fold of all begins a namespace, and so does one of what was in snapshots', () => {
  expect(isAdopted(standing(null, 1, 20), record(20, namespaceOf(RUN, 20)))).toBe(true);
  const snapshots = { epoch: 16, snapshots: [] } as unknown as BaseRef;
  expect(isAdopted(standing(snapshots, 17, 20), record(20, namespaceOf(RUN, 20)))).toBe(true);
});

test('a new run reads on where the old one stood', () => {
  expect(mayBeRead('older-20', tableAt(60, 'older-20'))).toBe(true);
  expect(mayBeRead('older-20', tableAt(60, 'older-25'))).toBe(false);
});
