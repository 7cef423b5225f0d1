/** The rows of random jobs. */
export interface Row {
  readonly id: string;
  readonly k: string;
  readonly v: number;
  /** Event time, milliseconds. */
  readonly t: number;
}
