import { expect, test } from 'vitest';
import { markedBlock } from './marked-block.ts';

const text = [
  '```ts',
  'early',
  '```',
  '<!-- a: b -->',
  'words',
  '```ts',
  'const x = 1;',
  '',
  'x;',
  '```',
  '```',
  'late',
  '```',
].join('\n');

test('the first block of the language behind the marker', () => {
  expect(markedBlock(text, 'a: b', 'ts')).toBe('const x = 1;\n\nx;\n');
  expect(markedBlock(text, 'a: b')).toBe('const x = 1;\n\nx;\n');
});

test('says what is missing', () => {
  expect(() => markedBlock(text, 'a: c')).toThrow('no <!-- a: c --> in the document');
  expect(() => markedBlock(text, 'a: b', 'sql')).toThrow('no ```sql block behind <!-- a: b -->');
});
