/**
 * The guards of the simulated sinks (section 6 of the design). All on, always, but in a mutant: the simulator must notice
 * the loss of each.
 */
export interface SinkGuards {
  readonly fence: boolean;
  readonly fenceBeforeMarker: boolean;
  readonly marker: boolean;
  /** A marker beyond the epoch means that the epoch is there, too. */
  readonly markerIsMonotone: boolean;
  readonly markerInTransaction: boolean;
  /** A marker that is gone is a question, not a "no". */
  readonly absentMarkerStops: boolean;
  readonly stampIsMonotone: boolean;
  /** Durable before it gets its name. */
  readonly syncBeforeLink: boolean;
  /** The file's name has the run and the epoch in it. */
  readonly nameIsMarker: boolean;
  /** The target of a two-phase sink tells a transaction that is committed from one that never was. */
  readonly commitTellsAlready: boolean;
}

export const ALL_ON: SinkGuards = Object.freeze({
  fence: true,
  fenceBeforeMarker: true,
  marker: true,
  markerIsMonotone: true,
  markerInTransaction: true,
  absentMarkerStops: true,
  stampIsMonotone: true,
  syncBeforeLink: true,
  nameIsMarker: true,
  commitTellsAlready: true,
});
