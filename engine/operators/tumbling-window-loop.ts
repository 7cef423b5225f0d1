/** The window aggregate's pass over the rows of windows that do not overlap (window-aggregate-operator.ts says what it does). */

/** `refire` can only happen with allowed lateness, where KEEP > LAST. */
export const TUMBLING_LOOP: string = `return function (batch, from, to, cap) {
  const { keyIds, ts, wm, index, values, lazy } = batch;
  const row = lazy ? batch.source.row : null, groups = keys.keyGroups, stamp = self.stamp();
  // The row whose own code runs, and not that of a window which fires: that is nobody's fault.
  let j = from, guilty = -1, pane = null, start = NaN;
  try {
    for (; j < to; j++) {
      const id = keyIds[j], g = groups[id] - FIRST, t = ts[j];
      let w = wm[j];
      if (w > cap) w = cap;
      if (w > watermarks[g]) {
        if (w >= due[g]) { self.advance(g, w); start = NaN; } else watermarks[g] = w;
      }
      let v;
      if (lazy) { row.__i = index[j]; v = row; } else v = values[j];
      if (t < -1e16) { guilty = j; self.noTimestamp(); }
      let r = (t - OFFSET) % SIZE;
      if (r < 0) r += SIZE;
      const s = t - r;
      if (s + KEEP <= watermarks[g]) { self.late(lazy ? row.__copy() : v, t, g); continue; }
      if (s !== start) { pane = self.pane(s); start = s; }
      if (id >= pane.stamps.length) pane.widen(id);
      guilty = j;
      let a = pane.accumulators[id];
      if (a === undefined) a = self.opened(pane, g, id);
      let b = agg.add(v, a);
      if (lazy) held.check(b, row);
      if (b !== a) {
        if (b === row) b = row.__copy();
        pane.replace(id, b);
      }
      guilty = -1;
      if (pane.stamps[id] !== stamp) { pane.stamps[id] = stamp; pane.changed.push(id); }
      if (KEEP > LAST && s + LAST <= watermarks[g]) self.refire(pane, g, id);
    }
  } catch (e) { self.failed(guilty); throw e; }
};`;
