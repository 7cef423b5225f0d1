/**
 * Asks a key selector twice for the first rows of every chain: one that answers by chance, by the clock or by counting would put a row with
 * another key's state, and another one after each retry.
 */
import { ConfigError, UserCodeError } from '../model/errors.ts';
import { keyText } from '../state/key-bytes.ts';
import { isPromise } from './fusible.ts';

const LOOKS = 32;

export class KeyCheck {
  /** Read by compiled code before it calls `look`. */
  looks = LOOKS;

  look(select: (value: never) => unknown, value: unknown, key: unknown): void {
    this.looks--;
    if (isPromise(key)) {
      throw new UserCodeError(
        'the key selector returned a promise, but nothing awaits it here: user functions are synchronous. Return the key itself.',
      );
    }
    const again = select(value as never);
    if (Object.is(key, again) || keyText(key) === keyText(again)) return;
    throw new ConfigError(
      `the key selector returned ${JSON.stringify(key)} and then ${JSON.stringify(again)} for one and the same row. A key must follow from the row alone: no clock, no chance, no counting.`,
    );
  }
}
