/** `millrace graph JOB`: the logical and the physical graph, without running anything. */
import { planJson, planMermaid, planText } from '../graph/plan-text.ts';
import type { CliIo } from './cli-io.ts';
import { settingOverrides } from './job-settings.ts';
import { loadJob } from './load-job.ts';

export interface GraphOptions {
  readonly mermaid?: boolean;
  readonly json?: boolean;
  readonly parallelism?: number;
  readonly set: readonly string[];
}

export async function graphCommand(file: string, options: GraphOptions, io: CliIo): Promise<void> {
  const { job } = await loadJob(file);
  const env = job.instantiate(settingOverrides(job, options.set, io.env));
  if (options.parallelism !== undefined) env.setParallelism(options.parallelism);
  const graph = env.toJobGraph();
  if (options.json === true) io.stdout.write(`${JSON.stringify(planJson(graph), null, 2)}\n`);
  else if (options.mermaid === true)
    io.stdout.write(
      `${fenced('Logical graph', planMermaid(graph, 'logical'))}\n${fenced('Physical graph', planMermaid(graph, 'physical'))}`,
    );
  else io.stdout.write(planText(graph));
}

/** Markdown, as it shows in a README. */
function fenced(title: string, mermaid: string): string {
  return `### ${title}\n\n\`\`\`mermaid\n${mermaid}\`\`\`\n`;
}
