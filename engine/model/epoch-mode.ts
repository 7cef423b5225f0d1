/**
 * How epochs are run (ARCHITECTURE section 2): on one thread, on several workers with a shuffle between stages, or as the backlog asks.
 * A job may change from one epoch to the next.
 */
export type EpochMode = 'auto' | 'fused' | 'fanned-out';
