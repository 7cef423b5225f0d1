import { describe, expect, test } from 'vitest';
import type { MachineKind } from './coordinator-machine.ts';
import { topologyOf, type JobDeployment, type Topology } from './topology.ts';

const DEPLOYMENT: JobDeployment = {
  job: 'revenue',
  stack: 'prod',
  machine: 'STANDARD',
  jobFile: 'functions/hourly-revenue.ts',
};
const topology = (machine: MachineKind): Topology => topologyOf({ ...DEPLOYMENT, machine });

describe.each<MachineKind>(['STANDARD', 'EXPRESS'])('%s', (kind) => {
  test('a definition names no function that is not there', () => {
    const { functions, machines } = topology(kind);
    const names = new Set(functions.map(({ name }) => name));
    const placeholders = machines.flatMap(({ definition }) =>
      [...JSON.stringify(definition).matchAll(/\$\{([^}]+)\}/g)].map(([, name]) => name!),
    );
    expect(placeholders.length).toBeGreaterThan(0);
    for (const name of placeholders) expect(names).toContain(name);
  });

  test('a machine may invoke what it invokes, and starts what it starts', () => {
    const [machine] = topology(kind).machines;
    const resources = Object.values(machine!.definition.States).flatMap((s) => (s.Type === 'Task' ? [s.Resource] : []));
    const allowed = machine!.role.statements.flatMap(({ actions }) => actions);
    expect(allowed.includes('states:StartExecution')).toBe(resources.some((r) => r.endsWith('states:startExecution')));
    expect(allowed).toContain('lambda:InvokeFunction');
  });

  test('a task waits longer than its function runs', () => {
    const { functions, machines } = topology(kind);
    const coordinator = functions.find(({ entry }) => entry === 'coordinator')!;
    const run = machines[0]!.definition.States['Run']!;
    expect(run.Type === 'Task' && run.TimeoutSeconds).toBeGreaterThan(coordinator.timeoutSeconds);
  });
});

test("functions see their job's items and the list of names only", () => {
  for (const { role } of topology('STANDARD').functions) {
    const keys = role.statements.flatMap(({ on }) => (on.kind === 'table' ? on.leadingKeys : []));
    expect(keys).toEqual(['revenue#*', '#jobs']);
    expect(role.statements.flatMap(({ actions }) => actions).filter((action) => action.includes('*'))).toEqual([]);
  }
});

test('only an express machine is started by ticks', () => {
  expect(topology('STANDARD').machines[0]!.tickSeconds).toBeNull();
  expect(topology('EXPRESS').machines[0]!.tickSeconds).toBe(60);
});

test('two deployments share no name', () => {
  const names = (stack: string): string[] => {
    const { table, bucket, functions, machines } = topologyOf({ ...DEPLOYMENT, stack });
    return [table.name, bucket.name, ...[...functions, ...machines].flatMap(({ name, role }) => [name, role.name])];
  };
  const other = new Set(names('test'));
  expect(names('prod').filter((name) => other.has(name))).toEqual([]);
});
