/** A user's window function in the one form that operators run. */
import type { RuntimeContext } from '../model/runtime-context.ts';
import type { AnyWindowFunction } from '../operators/window-function-context.ts';
import type { Window } from '../windows/time-window.ts';
import type { WindowContext } from '../windows/window-function.ts';

export interface WindowRun {
  readonly run: AnyWindowFunction;
  readonly clear: ((context: WindowContext<Window>) => unknown) | null;
  readonly open?: (ctx: RuntimeContext) => void | Promise<void>;
  readonly close?: () => void | Promise<void>;
}
