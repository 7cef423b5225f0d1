/** All rules over a project, less what is exempt; an exemption without reason or without use is itself a violation. */
import type { Exemption } from './exemptions.ts';
import type { Project, Violation } from './project.ts';
import { enoughFiles, machinePaths, testsRun } from './rules/content.ts';
import { cycles, directions, purity } from './rules/directions.ts';
import { defaultExports, emptyNames, entries, kebabCase } from './rules/names.ts';
import { fileLength, functionLength } from './rules/sizes.ts';

const RULES: readonly ((project: Project) => Violation[])[] = [
  enoughFiles,
  directions,
  purity,
  cycles,
  fileLength,
  functionLength,
  emptyNames,
  kebabCase,
  defaultExports,
  entries,
  machinePaths,
  testsRun,
];

export function check(project: Project, exemptions: readonly Exemption[]): Violation[] {
  const all = RULES.flatMap((rule) => rule(project));
  const covers = (exemption: Exemption, violation: Violation): boolean =>
    exemption.rule === violation.rule && exemption.path === violation.path;
  return [
    ...all.filter((violation) => !exemptions.some((exemption) => covers(exemption, violation))),
    ...exemptions.flatMap((exemption) => {
      const used = all.some((violation) => covers(exemption, violation));
      const message = !used ? `exempt from ${exemption.rule} without need` : 'an exemption needs its reason';
      return used && exemption.reason.trim().length >= 20
        ? []
        : [{ rule: 'exemptions', path: exemption.path, line: 1, message }];
    }),
  ];
}

export function report(violations: readonly Violation[]): string {
  return violations.map((v) => `${v.path}:${v.line} [${v.rule}] ${v.message}`).join('\n');
}
