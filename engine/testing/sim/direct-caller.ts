/** A caller to whom nothing happens: what a replay runs on. Every effect takes place at once, and all input is there. */
import type { Caller } from './sim-process.ts';
import type { World } from './world.ts';

export class DirectCaller implements Caller {
  readonly name = 'replay';
  readonly sees = 'everything';
  readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  async read<T>(_op: string, effect: () => T): Promise<T> {
    return effect();
  }

  async write<T>(_op: string, effect: () => T): Promise<T> {
    return effect();
  }

  async sleep(): Promise<void> {}

  chance(): boolean {
    return false;
  }
}
