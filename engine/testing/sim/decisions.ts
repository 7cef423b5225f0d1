/**
 * Every choice of a simulated run, by name: the same seed and name always answer the same, whatever else happens. So a fault
 * that is taken away leaves all others where they were, and a failing run can be shrunk.
 */
export class Decisions {
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = mix(seed ^ 0x9e3779b9);
  }

  /** In [0, 1). */
  unit(name: string): number {
    let h = this.#seed;
    for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
    return mix(h) / 0x1_0000_0000;
  }

  /** A whole number in [0, n). */
  below(name: string, n: number): number {
    return Math.floor(this.unit(name) * n);
  }

  /** A whole number in [from, to]. */
  between(name: string, from: number, to: number): number {
    return from + this.below(name, to - from + 1);
  }

  chance(name: string, probability: number): boolean {
    return this.unit(name) < probability;
  }

  pick<T>(name: string, choices: readonly T[]): T {
    return choices[this.below(name, choices.length)]!;
  }
}

/** The finaliser of splitmix32: every bit of the input reaches every bit of the output. */
function mix(n: number): number {
  let z = n | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
}
