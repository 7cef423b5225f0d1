/**
 * Everything a window operator keeps, and how it is stored. Entries of (key, window) have [window, sub key] as sub key: 'window-contents:…',
 * 'window-timers:event', 'window-timers:processing', 'trigger/…', 'window/…'. Entries of the key: 'window-set', 'global/…'.
 */
import { ConfigError } from '../model/errors.ts';
import { namespacedSub, NamespacedWriter, NamespaceIndex } from '../state/namespace-index.ts';
import type { StateReader, StateWriter } from '../state/state-entries.ts';
import type { KeyTimes } from '../ports/state-table.ts';
import { TimerService } from '../state/timer-service.ts';
import type { Window } from '../windows/time-window.ts';
import { MergingWindowAssigner } from '../windows/window-assigner.ts';
import type { KeyedOperatorContext } from './keyed-operator.ts';
import { MergingWindows, WINDOW_SET } from './merging-windows.ts';
import { AccumulatorContents, type WindowContents } from './window-contents.ts';
import { ElementContents } from './window-elements.ts';
import { windowForm } from './window-form.ts';
import type { WindowOperatorOptions } from './window-operator-options.ts';
import { WindowStates } from './window-states.ts';
import { WindowTriggerContext } from './window-trigger-context.ts';

const EVENT_TIMERS = 'window-timers:event';
const PROCESSING_TIMERS = 'window-timers:processing';

export class WindowStore implements StateReader {
  readonly index: NamespaceIndex<Window>;
  readonly contents: WindowContents;
  /** The contents, where the window keeps its elements. */
  readonly elements: ElementContents | null;
  readonly merging: MergingWindows | null;
  readonly states: WindowStates;
  readonly triggers: WindowTriggerContext;
  readonly eventTimers: TimerService;
  readonly processingTimers: TimerService;
  private readonly operator: string;

  constructor(ctx: KeyedOperatorContext, options: WindowOperatorOptions) {
    const { assigner, aggregate, stateKind, evictor } = options;
    const index = new NamespaceIndex<Window>(ctx.keys, windowForm(assigner.getWindowSerializer()));
    this.index = index;
    this.operator = ctx.name;
    this.eventTimers = new TimerService(index, EVENT_TIMERS, ctx.keyGroups);
    this.processingTimers = new TimerService(index, PROCESSING_TIMERS, ctx.keyGroups);
    this.triggers = new WindowTriggerContext(index, ctx.name, this.eventTimers, this.processingTimers);
    this.states = new WindowStates(index, ctx.name);
    this.merging = assigner instanceof MergingWindowAssigner ? new MergingWindows(assigner, index) : null;
    const scope = { id: -1, clockMs: 0, keys: index, operator: ctx.name };
    const timed = evictor !== null;
    this.elements =
      aggregate === null ? new ElementContents(`window-contents:${timed ? 'timed-' : ''}elements`, scope, timed) : null;
    this.contents = this.elements ?? new AccumulatorContents(`window-contents:${stateKind}`, scope, aggregate!);
  }

  snapshot(writer: StateWriter): void {
    const ofWindows = new NamespacedWriter(this.index, writer);
    this.contents.snapshot(ofWindows);
    this.triggers.states.snapshot(ofWindows);
    this.eventTimers.snapshot(ofWindows);
    this.processingTimers.snapshot(ofWindows);
    this.states.snapshot(writer);
    this.merging?.snapshot(writer);
    this.sweep();
  }

  dump(writer: StateWriter): void {
    const ofWindows = new NamespacedWriter(this.index, writer);
    this.contents.dump(ofWindows);
    this.triggers.states.dump(ofWindows);
    this.eventTimers.dump(ofWindows);
    this.processingTimers.dump(ofWindows);
    this.states.dump(writer);
    this.merging?.dump(writer);
  }

  restore(key: unknown, name: string, sub: unknown, value: unknown): void {
    if (this.states.owns(name)) return this.states.restore(key, name, sub, value);
    if (name === WINDOW_SET && this.merging !== null) return this.merging.restore(key, value);
    const [stored, inner] = this.owned(name, sub);
    const id = this.index.restoredIdOf(key, stored);
    if (name === this.contents.name) this.contents.restore(id, inner, value);
    else if (name === EVENT_TIMERS) this.eventTimers.restore(id, value as number[]);
    else if (name === PROCESSING_TIMERS) this.processingTimers.restore(id, value as number[]);
    else this.triggers.states.restore(id, name, inner, value);
  }

  restoreRemoved(key: unknown, name: string, sub: unknown): void {
    if (this.states.owns(name)) return this.states.restoreRemoved(key, name, sub);
    if (name === WINDOW_SET && this.merging !== null) return this.merging.restoreRemoved(key);
    const [stored, inner] = this.owned(name, sub);
    const id = this.index.restoredIdOf(key, stored);
    if (name === this.contents.name) this.contents.restoreRemoved(id, inner);
    else if (name === EVENT_TIMERS) this.eventTimers.restoreRemoved(id);
    else if (name === PROCESSING_TIMERS) this.processingTimers.restoreRemoved(id);
    else this.triggers.states.restoreRemoved(id, name, inner);
    this.index.suspect(id);
  }

  private owned(name: string, sub: unknown): readonly [window: unknown, inner: unknown] {
    const own = name === this.contents.name || name === EVENT_TIMERS || name === PROCESSING_TIMERS;
    if (own || this.triggers.states.owns(name)) return namespacedSub(sub);
    throw new ConfigError(
      `operator "${this.operator}" has state "${name}" in the checkpoint, and is now a window whose contents are "${this.contents.name}"${this.merging === null ? '' : ', and which merge'}. Give the new operator another uid, or restore with the old one.`,
    );
  }

  restored(): void {
    this.contents.restored();
    this.refuseStrays(this.index.keys.filter((id, i) => id === i));
    this.sweep();
  }

  /** Later entries have been restored, of these keys. */
  loaded(keyIds: readonly number[]): void {
    this.contents.restored();
    for (const keyId of keyIds) this.refuseStrays(this.index.idsOf(keyId));
  }

  private refuseStrays(ids: readonly number[]): void {
    const { merging } = this;
    if (merging === null || !ids.some((id) => this.contents.isLive(id) && !merging.holds(id))) return;
    throw new ConfigError(
      `operator "${this.operator}" has windows in the checkpoint that did not merge, and its windows merge now. Give the new operator another uid, or restore with the old one.`,
    );
  }

  /** When the first timer of one of the key's windows is due. */
  dueOf(keyId: number): KeyTimes {
    let eventTime = Infinity;
    let processingTime = Infinity;
    for (const id of this.index.idsOf(keyId)) {
      eventTime = Math.min(eventTime, this.eventTimers.firstOf(id));
      processingTime = Math.min(processingTime, this.processingTimers.firstOf(id));
    }
    return { eventTime, processingTime };
  }

  /** Forgets what is in memory of these keys, right after a snapshot. */
  evict(keyIds: ReadonlySet<number>): void {
    const ids = this.index.idsOfAll(keyIds);
    for (const id of ids) {
      this.contents.evict(id);
      this.triggers.states.evict(id);
    }
    this.states.evict(keyIds, ids);
    this.eventTimers.evict(ids);
    this.processingTimers.evict(ids);
    if (this.merging !== null) for (const keyId of keyIds) this.merging.evict(keyId);
    this.index.releaseAll(ids);
  }

  isKeyLive(keyId: number): boolean {
    return this.states.isKeyLive(keyId) || this.merging?.isLive(keyId) === true;
  }

  /** The window is gone. Timers that its trigger left behind keep its id. */
  forget(id: number): void {
    const isKept =
      this.eventTimers.isPending(id) || this.processingTimers.isPending(id) || this.merging?.holds(id) === true;
    if (isKept) this.index.suspect(id);
    else this.index.hide(id);
  }

  /** Gives back the ids of windows of which nothing is left. */
  private sweep(): void {
    this.index.sweep((id) => {
      if (this.isLive(id)) return 'live';
      return this.eventTimers.isLive(id) || this.processingTimers.isLive(id) ? 'lingering' : 'dead';
    });
  }

  private isLive(id: number): boolean {
    return (
      this.contents.isLive(id) ||
      this.eventTimers.isPending(id) ||
      this.processingTimers.isPending(id) ||
      this.triggers.states.isLive(id) ||
      this.states.isLive(id) ||
      this.merging?.holds(id) === true
    );
  }
}
