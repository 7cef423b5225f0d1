/**
 * The shape of a line, learned from a sample: the bytes before each value and the kind of value. Producers write the same keys in the same
 * order with the same spaces, so a scanner that compares those bytes literally is more than twice as fast as one that reads
 * keys (HOTPATH section 2). A template is a guess only: what does not fit it is read in the general way.
 */
import { skipNumber, skipSpace, skipString, skipValue } from './json-bytes.ts';

export interface TemplateSegment {
  /** Everything from the end of the value before (its closing quote included) to this value (its opening quote included). */
  readonly literal: readonly number[];
  readonly key: string;
  /** First byte class of the value: a string, a number, or anything else. */
  readonly kind: 'string' | 'number' | 'other';
}
export interface LineTemplate {
  readonly segments: readonly TemplateSegment[];
  /** From the end of the last value to the newline, included. */
  readonly tail: readonly number[];
}

const MAX_SEGMENTS = 256;

/** The template of the line at `b[from]` that ends with a newline at `b[end]`; null when it is no JSON object with fields. */
export function learnTemplate(b: Buffer, from: number, end: number): LineTemplate | null {
  const segments: TemplateSegment[] = [];
  let gap = from;
  let p = skipSpace(b, from);
  if (b[p] !== 123) return null;
  p = skipSpace(b, p + 1);
  for (;;) {
    if (b[p] !== 34 || segments.length === MAX_SEGMENTS) return null;
    const keyFrom = p;
    p = skipString(b, p + 1);
    if (p < 0) return null;
    const key = JSON.parse(b.utf8Slice(keyFrom, p + 1)) as string;
    p = skipSpace(b, p + 1);
    if (b[p] !== 58) return null;
    p = skipSpace(b, p + 1);
    const c = b[p]!;
    if (c === 34) {
      segments.push({ literal: [...b.subarray(gap, p + 1)], key, kind: 'string' });
      gap = skipString(b, p + 1);
      p = gap + 1;
    } else {
      const isNumber = c === 45 || (c >= 48 && c <= 57);
      segments.push({ literal: [...b.subarray(gap, p)], key, kind: isNumber ? 'number' : 'other' });
      gap = p = isNumber ? skipNumber(b, p) : skipValue(b, p, 0);
    }
    if (gap < 0) return null;
    p = skipSpace(b, p);
    if (b[p] === 125) {
      const last = skipSpace(b, p + 1);
      return last === end ? { segments, tail: [...b.subarray(gap, end + 1)] } : null;
    }
    if (b[p] !== 44) return null;
    p = skipSpace(b, p + 1);
  }
}

/** The same for templates that would generate the same scanner. */
export function templateId(template: LineTemplate): string {
  return template.segments.map((s) => `${s.kind}${s.literal.join()}`).join(';') + template.tail.join();
}
