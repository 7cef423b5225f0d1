/** A writer that keeps nothing: for what is not stored, but must forget its changes as if it were. */
import type { StateWriter } from './state-entries.ts';

export const NOWHERE: StateWriter = { put: () => undefined, remove: () => undefined };
