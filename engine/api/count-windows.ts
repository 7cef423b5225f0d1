/** What countWindow and countWindowAll do to global windows (Flink: CountTrigger and CountEvictor). */
import { ConfigError } from '../model/errors.ts';
import { CountTrigger } from '../windows/count-trigger.ts';
import type { Evictor } from '../windows/evictor.ts';
import { CountEvictor } from '../windows/evictors.ts';
import type { GlobalWindow } from '../windows/global-window.ts';
import { PurgingTrigger } from '../windows/purging-trigger.ts';
import type { Trigger } from '../windows/trigger.ts';

interface Windowed<T> {
  trigger(trigger: Trigger<T, GlobalWindow>): this;
  evictor(evictor: Evictor<T, GlobalWindow>): this;
}

export function countWindows<T, S extends Windowed<T>>(global: S, size: number, slide: number | undefined): S {
  for (const n of [size, slide ?? 1]) {
    if (!Number.isSafeInteger(n) || n <= 0)
      throw new ConfigError(`a count window takes whole numbers of rows, 1 or more; got ${n}.`);
  }
  if (slide === undefined) return global.trigger(PurgingTrigger.of(CountTrigger.of(size)));
  return global.evictor(CountEvictor.of(size)).trigger(CountTrigger.of(slide));
}
