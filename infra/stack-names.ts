/** The physical names of a stack and of its jobs: for those who make them (topology.ts), and those who look them up (`millrace … --aws STACK`). */
export interface StackNames {
  readonly table: string;
  readonly bucket: string;
  /** Of every object of the stack. */
  readonly prefix: string;
}

export function stackNames(stack: string): StackNames {
  return { table: `${stack}-table`, bucket: `${stack}-state`, prefix: `${stack}/` };
}

export interface JobNames {
  /** The standard machine. */
  readonly job: string;
  /** The express machine. */
  readonly epochs: string;
  readonly tick: string;
  readonly functionOf: (entry: string) => string;
}

export function jobNames(stack: string, name: string): JobNames {
  const job = `${stack}-${name}`;
  return { job, epochs: `${job}-epochs`, tick: `${job}-tick`, functionOf: (entry) => `${job}-${entry}` };
}

/** Where Lambda writes what a function says. */
export const logGroupOf = (functionName: string): string => `/aws/lambda/${functionName}`;
