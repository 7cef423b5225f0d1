/** What a vitest JSON report amounts to. Doubt counts as failure: `failed` is 0 only if tests ran and nothing went wrong. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** Whatever the two numbers hide. */
  readonly notes: readonly string[];
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

export function tally(reportText: string | undefined, exitCode: number | null): Tally {
  if (reportText === undefined) return { passed: 0, failed: 1, notes: ['vitest ended without a report'] };
  const files = (JSON.parse(reportText) as VitestReport).testResults;
  const statuses = files.flatMap((file) => file.assertionResults.map((result) => result.status));
  const passed = statuses.filter((status) => status === 'passed').length;
  const failedTests = statuses.filter((status) => status === 'failed').length;
  // A file that throws while it is loaded fails without a failing test in it.
  const brokenFiles = files.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((result) => result.status === 'failed'),
  );
  const notes = brokenFiles.map((file) => `failed outside of its tests: ${file.name}`);
  const notRun = statuses.length - passed - failedTests;
  if (notRun > 0) notes.push(`${notRun} tests did not run`);
  let failed = failedTests + brokenFiles.length;
  if (failed === 0 && passed === 0) {
    notes.push('no test ran');
    failed = 1;
  }
  if (failed === 0 && exitCode !== 0) {
    notes.push(`vitest ended with ${exitCode ?? 'a signal'} although no test failed`);
    failed = 1;
  }
  return { passed, failed, notes };
}
