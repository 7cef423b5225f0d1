/**
 * The window aggregate's pass over the rows of overlapping windows: as for tumbling ones (window-aggregate-operator.ts), for each window
 * that contains the row, the newest first. A row is late when the time of all its windows is over.
 */
export const SLIDING_LOOP = `return function (batch, from, to, cap) {
  const { keyIds, ts, wm, index, values, lazy } = batch;
  const row = lazy ? batch.source.row : null, groups = keys.keyGroups, stamp = self.stamp();
  // Panes from the newest start at or before the row, by number of slides before it.
  const panes = [];
  let j = from, guilty = -1, newest = NaN;
  try {
    for (; j < to; j++) {
      const id = keyIds[j], g = groups[id] - FIRST, t = ts[j];
      let w = wm[j];
      if (w > cap) w = cap;
      if (w > watermarks[g]) {
        if (w >= due[g]) { self.advance(g, w); newest = NaN; } else watermarks[g] = w;
      }
      let v;
      if (lazy) { row.__i = index[j]; v = row; } else v = values[j];
      if (t < -1e16) { guilty = j; self.noTimestamp(); }
      let r = (t - OFFSET) % SLIDE;
      if (r < 0) r += SLIDE;
      if (t - r !== newest) { newest = t - r; panes.length = 0; }
      let taken = false;
      for (let s = newest, i = 0; s > t - SIZE && s + KEEP > watermarks[g]; s -= SLIDE, i++) {
        taken = true;
        let pane = panes[i];
        if (pane === undefined) panes[i] = pane = self.pane(s);
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
      if (!taken) self.skipped(lazy ? row.__copy() : v, t, g, newest > t - SIZE);
    }
  } catch (e) { self.failed(guilty); throw e; }
};`;
