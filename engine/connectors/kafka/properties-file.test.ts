import { expect, test } from 'vitest';
import { parseProperties } from './properties-file.ts';

test('names, values, comments, escapes and lines that go on', () => {
  const text = [
    '# comment',
    '! another',
    '',
    'security.protocol = SASL_SSL',
    '  client.id: me and = you  ',
    'empty=',
    'alone',
    'sasl.jaas.config=org.x.PlainLoginModule required \\',
    '    username="a" \\',
    '    password="b\\\\c";',
    'path=C\\:\\\\x\\u0041\\t.',
    'ends.with.backslash=x\\\\',
    'next=1',
  ].join('\r\n');
  expect(parseProperties(text)).toEqual({
    'security.protocol': 'SASL_SSL',
    'client.id': 'me and = you  ',
    empty: '',
    alone: '',
    'sasl.jaas.config': 'org.x.PlainLoginModule required username="a" password="b\\c";',
    path: 'C:\\xA\t.',
    'ends.with.backslash': 'x\\',
    next: '1',
  });
});

test('a comment is one line, whatever it ends in; an editor may have put a byte order mark before all', () => {
  expect(parseProperties('\ufeffclient.id=a\n# in C:\\\nsecurity.protocol=SSL\nlast=1\\')).toEqual({
    'client.id': 'a',
    'security.protocol': 'SSL',
    last: '1',
  });
});
