/** Windows as namespaces: how they are stored, told apart and put in order. */
import { compareStored, type NamespaceForm } from '../state/namespace-index.ts';
import { TimeWindow, type Window } from '../windows/time-window.ts';
import type { WindowSerializer } from '../windows/window-assigner.ts';

export function windowForm(serializer: WindowSerializer<Window>): NamespaceForm<Window> {
  return {
    serialize: (window) => serializer.serialize(window),
    deserialize: (stored) => serializer.deserialize(stored),
    compare(a, b) {
      if (a === b) return 0;
      if (a instanceof TimeWindow && b instanceof TimeWindow) return a.start - b.start || a.end - b.end;
      return compareStored(serializer.serialize(a), serializer.serialize(b));
    },
  };
}
