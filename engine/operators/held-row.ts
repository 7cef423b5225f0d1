/**
 * Notices a function that keeps the reused row of a declared schema inside what it returns: `map((row) => [row])`. The row shows another
 * record a moment later, so the result would change unseen. Looked for in the first results of each operator, one level deep.
 */
import { UserCodeError } from '../model/errors.ts';

const LOOKS = 64;

export class HeldRowCheck {
  private looks = 0;

  check(result: unknown, row: unknown): void {
    if (this.looks >= LOOKS) return;
    this.looks++;
    if (typeof result !== 'object' || result === null || result === row) return;
    const parts = Array.isArray(result) ? result : Object.values(result);
    if (!parts.includes(row)) return;
    throw new UserCodeError(
      'the function keeps the row it was given in what it returns. Rows of a declared schema are reused: put a copy into it, e.g. {...row}.',
    );
  }
}
