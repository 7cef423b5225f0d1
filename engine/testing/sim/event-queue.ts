/**
 * Simulated time: what is due next happens next, one thing at a time. Between two events all microtasks run, so a promise
 * that an event settles has been acted upon before the next one. Two events at one instant happen in the order in which they
 * were scheduled: nothing depends on the machine.
 */
interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class EventQueue {
  /** Milliseconds since the run began. */
  now = 0;
  /** Events so far. */
  count = 0;
  readonly #heap: Due[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  schedule(delayMs: number, run: () => void): void {
    const due: Due = { at: this.now + delayMs, order: this.#order++, run };
    const heap = this.#heap;
    let i = heap.length;
    heap.push(due);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(due, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = due;
  }

  /** Runs until nothing is due any more, or `stop` says so (asked before each event). */
  run(stop: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        try {
          if (this.#heap.length === 0 || stop()) {
            resolve();
            return;
          }
          const due = this.#take();
          this.now = Math.max(this.now, due.at);
          this.count++;
          due.run();
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        // Node runs every pending microtask before the next immediate.
        setImmediate(turn);
      };
      setImmediate(turn);
    });
  }

  #take(): Due {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    const n = heap.length;
    if (n === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= n) break;
      if (child + 1 < n && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}

const before = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
