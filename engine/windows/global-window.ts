/** The one window that holds everything (Flink: GlobalWindow). */
import { MAX_WATERMARK } from '../model/watermark.ts';
import type { Window } from './time-window.ts';

export class GlobalWindow implements Window {
  static readonly #one = new GlobalWindow();

  static get(): GlobalWindow {
    return GlobalWindow.#one;
  }

  maxTimestamp(): number {
    return MAX_WATERMARK;
  }

  toString(): string {
    return 'GlobalWindow';
  }
}
