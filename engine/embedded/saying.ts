/** Whom the embedded runtime tells what: the caller's listeners, the job's log, and the process where nobody listens. */
import type { Manifest } from '../checkpoint/records.ts';
import { epochWatermark, watermarkJson } from '../runtime/epoch-watermark.ts';
import type { JobLogFile } from './job-log-file.ts';
import { warnOf } from './warn-of.ts';

type Say = (text: string, data: Readonly<Record<string, unknown>>) => void;

export interface Saying {
  /** For those who listen. */
  readonly quietly: Say;
  /** Somebody has to hear it: without a listener, the process warns. */
  readonly aloud: Say;
  readonly epoch: (manifest: Manifest) => void;
}

export function sayTo(listener: { onNotice?(...said: Parameters<Say>): void }, log: JobLogFile | null): Saying {
  return {
    quietly(text, data) {
      log?.write('notice', text, data);
      listener.onNotice?.(text, data);
    },
    aloud(text, data) {
      log?.write('notice', text, data);
      if (listener.onNotice === undefined) warnOf(text, data);
      else listener.onNotice(text, data);
    },
    epoch(manifest) {
      const { run, epoch, generation, attempts, counts } = manifest;
      const watermark = watermarkJson(epochWatermark(manifest));
      const about = { run, epoch, generation, attempts, counts, watermark };
      log?.write('epoch', 'committed and published', about);
    },
  };
}
