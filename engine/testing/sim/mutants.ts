/**
 * The guards of E1 to E6, each switched off in one mutant. `npm run sim -- --mutants` must find a seed at which each one breaks a
 * law; a guard whose loss nobody can see is not needed, or the simulator is blind there.
 */
import { foldMutants } from './mutants-of-state.ts';
import { operatorMutants } from './mutants-of-operators.ts';
import { runnerMutants } from './mutants-of-runner.ts';
import { sessionMutants } from './mutants-of-sessions.ts';
import { storeMutants } from './mutants-of-stores.ts';
import { workerMutants } from './mutants-of-workers.ts';
import type { Mutant } from './mutant.ts';

const sinkMutants: readonly Mutant[] = [
  { name: 'marker-ignored', law: 'E5', what: 'publishes without asking the marker', sinks: { marker: false } },
  {
    name: 'marker-before-fence',
    law: 'E5',
    what: 'reads the marker, then fences',
    sinks: { fenceBeforeMarker: false },
  },
  { name: 'no-fence', law: 'E5', what: 'a producer that was fenced commits all the same', sinks: { fence: false } },
  {
    name: 'marker-outside-transaction',
    law: 'E5',
    what: 'writes records, then the marker',
    sinks: { markerInTransaction: false },
  },
  {
    name: 'marker-compared-with-equal',
    law: 'E5',
    what: 'a marker beyond the epoch does not count',
    sinks: { markerIsMonotone: false },
  },
  {
    name: 'absent-marker-means-no',
    law: 'section 6',
    what: 'a marker that has expired means "not there"',
    sinks: { absentMarkerStops: false },
  },
  {
    name: 'stamp-goes-back',
    law: 'section 6',
    what: 'a late stamp of an older run replaces a newer one',
    sinks: { stampIsMonotone: false },
  },
  {
    name: 'link-before-sync',
    law: 'section 6',
    what: 'a file gets its name before it is durable',
    sinks: { syncBeforeLink: false },
  },
  {
    name: 'name-without-run',
    law: 'section 6',
    what: "a file's name depends on who writes it, not on run and epoch",
    sinks: { nameIsMarker: false },
  },
];

export const MUTANTS: readonly Mutant[] = [
  ...storeMutants,
  ...runnerMutants,
  ...sessionMutants,
  ...workerMutants,
  ...operatorMutants,
  ...foldMutants,
  ...sinkMutants,
];
