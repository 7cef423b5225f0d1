/** `millrace run` starts without what only other commands need: the AWS SDK is loaded by those that take --aws. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const STATIC = /^(?:import|export)\s(?!type\b)[^;]*?from\s+'([^']+)'/gm;

/** What importing a file brings with it, dynamic imports apart. */
function reached(entry: URL): ReadonlySet<string> {
  const seen = new Set<string>();
  const visit = (url: string): void => {
    if (seen.has(url)) return;
    seen.add(url);
    if (!url.startsWith('file:')) return;
    for (const [, specifier] of readFileSync(new URL(url), 'utf8').matchAll(STATIC))
      visit(specifier!.startsWith('.') ? new URL(specifier!, url).href : specifier!);
  };
  visit(entry.href);
  return seen;
}

test('the command line imports no AWS SDK', () => {
  const all = reached(new URL('./main.ts', import.meta.url));
  expect([...all].filter((name) => name.startsWith('@aws-sdk/'))).toEqual([]);
  // It looks where it should.
  expect(all.size).toBeGreaterThan(100);
  const place = reached(new URL('./aws/stack-place.ts', import.meta.url));
  expect(place).toContain('@aws-sdk/client-dynamodb');
});
