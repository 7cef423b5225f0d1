/** Where a rule makes the code worse. Each exemption says why; one that is no longer needed fails the tidy test. */
export interface Exemption {
  readonly rule: string;
  readonly path: string;
  readonly reason: string;
}

export const EXEMPTIONS: readonly Exemption[] = [];
