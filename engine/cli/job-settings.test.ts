import { expect, it } from 'vitest';
import { defineJob } from '../api/define-job.ts';
import { settingOverrides } from './job-settings.ts';

const job = defineJob({
  name: 'j',
  config: { input: 'a', epochMs: 250, dry: false, note: null },
  build: () => undefined,
});

it('takes settings from the environment, and from the command line before it', () => {
  const env = { MILLRACE_SET_EPOCH_MS: '10', MILLRACE_SET_INPUT: 'b', PATH: '/bin' };
  expect(settingOverrides(job, [], env)).toEqual({ epochMs: '10', input: 'b' });
  expect(settingOverrides(job, ['input=c=d', 'dry=true'], env)).toEqual({ epochMs: '10', input: 'c=d', dry: 'true' });
});

it('answers the settings with the types of their defaults', () => {
  expect(job.resolve({ epochMs: '10', dry: 'true', note: 'n' })).toEqual({
    input: 'a',
    epochMs: 10,
    dry: true,
    note: 'n',
  });
});

it('says what is wrong', () => {
  expect(() => settingOverrides(job, ['input'], {})).toThrow('--set input: write --set name=value.');
  expect(() => settingOverrides(job, [], { MILLRACE_SET_EPOCHS: '1' })).toThrow(
    /MILLRACE_SET_EPOCHS, but job "j" has no such setting. It has: input, epochMs, dry, note/,
  );
});
