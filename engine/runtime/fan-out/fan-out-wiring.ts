/** How a job is wired where only a part of it lives. */
import type { FunctionLives } from '../function-lives.ts';
import type { Outgoing } from './outgoing.ts';

/** A fanned-out epoch: which subtask lives here, and where rows for keyed stages go. */
export interface FanOut {
  readonly index: number;
  /** The keyed stages that it has a subtask of. Absent: all of them. */
  readonly stages?: readonly string[];
  /** Shared with others in this process that are wired for the same graph. Absent: it opens and closes functions itself. */
  readonly lives?: FunctionLives;
  outgoing(subtasks: Readonly<Record<string, number>>): Outgoing;
}
