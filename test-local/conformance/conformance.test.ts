/** The conformance runner's process, over a suite of its own: programs outside of the repository, wrong answers, missing programs. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { answerLine, firstDifference } from './answer-line.ts';

const suite = mkdtempSync(join(tmpdir(), 'millrace-suite-'));
afterAll(() => rmSync(suite, { recursive: true, force: true }));

const EVENTS = ['a', 'b', 'a'].map((k, i) => ({ id: `e${i}`, k, ts: 1000 * i, v: i + 1, type: 'x' }));
const OTHER = [{ id: 'o0', k: 'a', ts: 500, v: 10, type: 'y' }];
/** A class of the package on both sides, a type import, and the end of both streams. */
const PROGRAM = `import { KeyedProcessFunction, type Collector } from 'millrace';
import { defineProgram, type ConformanceElement } from 'millrace/testing';

class Count extends KeyedProcessFunction<string, ConformanceElement, { id: string; at: number | string }> {
  override processElement(e: ConformanceElement, ctx, out: Collector<{ id: string; at: number | string }>) {
    ctx.timerService().registerEventTimeTimer(e.ts);
    out.collect({ at: 'row', id: e.id });
  }
  override onTimer(time: number, ctx, out: Collector<{ id: string; at: number | string }>) {
    out.collect({ id: ctx.getCurrentKey(), at: time });
  }
}

export default defineProgram<{ events: ConformanceElement; other: ConformanceElement }>(({ streams }) => ({
  main: streams.events.union(streams.other).keyBy('k').process(new Count()),
}));
`;
const ANSWER = [
  { at: 1, stream: 'main', value: { id: 'e0', at: 'row' } },
  { at: 2, stream: 'main', value: { id: 'o0', at: 'row' } },
  { at: 3, stream: 'main', value: { id: 'e1', at: 'row' } },
  { at: 4, stream: 'main', value: { id: 'e2', at: 'row' } },
  ...['a 0', 'a 500', 'b 1000', 'a 2000'].map((timer) => {
    const [id, at] = timer.split(' ');
    return { at: 6, stream: 'main', value: { at: Number(at), id } };
  }),
];

function makeCase(name: string, program: string | null, expected: readonly unknown[]): void {
  const input = join(suite, name, 'input');
  mkdirSync(input, { recursive: true });
  writeFileSync(join(input, 'events.jsonl'), jsonl(EVENTS));
  writeFileSync(join(input, 'other.jsonl'), jsonl(OTHER));
  writeFileSync(join(input, '_order.txt'), 'events\nother\nevents\nevents\n');
  writeFileSync(join(suite, name, 'expected.jsonl'), jsonl(expected));
  if (program !== null) writeFileSync(join(suite, name, 'program.ts'), program);
}

const jsonl = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

function conformance(...args: readonly string[]): {
  readonly status: number | null;
  readonly lines: readonly string[];
} {
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const run = spawnSync(process.execPath, ['--conditions=millrace-source', main, ...args], {
    env: { ...process.env, MILLRACE_CONFORMANCE: suite, NODE_OPTIONS: '' },
    encoding: 'utf8',
  });
  return { status: run.status, lines: (run.stdout + run.stderr).trimEnd().split('\n') };
}

test('programs beside their cases run against this checkout; what differs is shown', () => {
  makeCase('ds_own_program', PROGRAM, ANSWER);
  makeCase('ds_wrong_answer', PROGRAM, [
    ...ANSWER.slice(0, 7),
    { at: 5, stream: 'main', value: { id: 'a', at: 2000 } },
  ]);
  makeCase('ds_no_program_at_all', null, ANSWER);
  makeCase('ds_not_a_program', 'export default 1;', ANSWER);
  makeCase('_not_of_the_family', null, []);
  const { status, lines } = conformance('--family', 'datastream');
  const [no, not, own, wrong] = lines.filter((line) => /^(?:ok|FAIL) /.test(line));
  expect(no).toMatch(/^FAIL ds_no_program_at_all: no program: /);
  expect(not).toMatch(/^FAIL ds_not_a_program: it threw Error: .*export defineProgram/);
  expect(own).toBe('ok ds_own_program');
  expect(wrong).toBe('FAIL ds_wrong_answer: first difference at 5 (fused, 1 subtask)');
  expect(lines.slice(-3)).toEqual([
    '  expected: 5 main {"at":2000,"id":"a"}',
    '  got:      nothing',
    '1 passed, 3 failed',
  ]);
  expect(status).toBe(1);
});

test('one case alone; a family or a case that is not there is refused', () => {
  makeCase('ds_own_program', PROGRAM, ANSWER);
  expect(conformance('--family', 'datastream', '--case', 'ds_own_program')).toEqual({
    status: 0,
    lines: ['ok ds_own_program', '1 passed, 0 failed'],
  });
  expect(conformance('--family', 'cobol')).toEqual({ status: 2, lines: ['--family FAMILY: one of datastream'] });
  expect(conformance('--family', 'datastream', '--case', 'ds_x').status).toBe(2);
});

describe('lines', () => {
  const a = answerLine(7, 'main', { b: [{ d: 1, c: 2 }], a: null });
  const b = answerLine(12, 'late', 3);
  test('fields in order, at every depth', () => expect(a).toBe('    7 main {"a":null,"b":[{"c":2,"d":1}]}'));
  test.each([
    ['equal', [a, b], [a, b], null],
    ['missing', [a, b], [a], { at: 12, expected: '12 late 3', got: 'nothing' }],
    ['too many', [a], [a, a, b], { at: 7, expected: 'nothing', got: a.trim() }],
    ['at the end', [a], [a, b], { at: 12, expected: 'nothing', got: '12 late 3' }],
    ['another', [a, b], [a, answerLine(12, 'late', 4)], { at: 12, expected: '12 late 3', got: '12 late 4' }],
  ])('%s', (_name, expected, got, difference) => {
    expect(firstDifference(expected, got)).toEqual(difference);
  });
});
