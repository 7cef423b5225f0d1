/**
 * The examples of README.md and docs/*.md, so that a test can run them. An HTML comment before a fenced block says what it is:
 *
 *     <!-- run -->          ```ts   a script; the next ```text block is what it prints. `<!-- run: NAME.ts -->` names its file
 *     <!-- file: NAME -->   ```…    a file that later blocks of the page use; .ts files are type-checked
 *     <!-- shell -->        ```sh   commands, `millrace` among them; the next ```text block is what they print on standard output
 *     <!-- kafka -->        ```sh   commands of Kafka's own tools, which the test does (`test-local/docs-servers.ts`)
 *     <!-- sql -->          ```sql  statements for the page's own PostgreSQL database
 *
 * The blocks of a page share a folder and run in the order in which they stand. Blocks without a comment are prose. A page whose blocks need
 * servers says which, `<!-- servers: kafka postgres -->`; its blocks find them by environment variables (`test-local/docs-servers.ts`).
 */
export type DocsBlock =
  | (Marked & { readonly kind: 'file' })
  | (Marked & { readonly kind: 'kafka' })
  | (Marked & { readonly kind: 'sql' })
  | (Marked & { readonly kind: 'run' | 'shell'; readonly output: string });

interface Marked {
  readonly line: number;
  readonly name: string;
  readonly text: string;
}

/** README.md's first job has markers of its own, which the test of the packed package reads as well. */
const MARKER = /^<!-- (?:(run|file|shell|kafka|sql)(?:: ([\w.-]+))?|example: (first-job)) -->$/;
const SERVERS = /^<!-- servers: ([\w -]+) -->$/m;
const FENCE = /^```(\w*)$/;

/** The marked blocks of a page. Throws where a marker has no block, or a script or command no output. */
export function docsBlocks(page: string, markdown: string): readonly DocsBlock[] {
  const lines = markdown.split('\n');
  const blocks: DocsBlock[] = [];
  for (let i = 0; i < lines.length; i++) {
    const marker = MARKER.exec(lines[i]!);
    if (marker === null) continue;
    const line = i + 1;
    const kind = marker[3] === undefined ? (marker[1] as DocsBlock['kind']) : 'run';
    const block = fenced(lines, i + 1);
    if (block === null) throw new Error(`${page}:${line}: no \`\`\` block behind the marker`);
    const name = marker[2] ?? (marker[3] === undefined ? `example-${line}.ts` : 'job.ts');
    if (kind === 'file') {
      if (marker[2] === undefined) throw new Error(`${page}:${line}: write <!-- file: NAME -->`);
      blocks.push({ kind, line, name, text: block.text });
    } else if (kind === 'kafka' || kind === 'sql') {
      blocks.push({ kind, line, name, text: block.text });
    } else {
      const output = fenced(lines, block.end, 'text');
      if (output === null) throw new Error(`${page}:${line}: no \`\`\`text block with the output`);
      blocks.push({ kind, line, name, text: block.text, output: output.text });
    }
  }
  return blocks;
}

/** The servers that a page's blocks need. */
export function docsServers(markdown: string): readonly string[] {
  return SERVERS.exec(markdown)?.[1]!.split(' ') ?? [];
}

/** The first fenced block (of the language) from line `from` on, before the next marker. */
function fenced(lines: readonly string[], from: number, language?: string): { text: string; end: number } | null {
  for (let i = from; i < lines.length && !MARKER.test(lines[i]!); i++) {
    const fence = FENCE.exec(lines[i]!);
    if (fence === null) continue;
    const end = lines.indexOf('```', i + 1);
    if (end < 0) return null;
    if (language === undefined || fence[1] === language)
      return { text: `${lines.slice(i + 1, end).join('\n')}\n`, end: end + 1 };
    i = end;
  }
  return null;
}

/** Output without what differs from run to run: ids of runs, moments of the wall clock in log records, how long it took. */
export function comparable(output: string): string {
  return output
    .replaceAll(/r\d{14}-[0-9a-f]{12}/g, 'r<run>')
    .replaceAll(/"(timestamp|durationMs|recordsPerSecond)":\d+/g, '"$1":0')
    .replaceAll(/^( {2}time +).*$/gm, '$1…')
    .replaceAll(/^(ok .*)\(\d+ ms\)$/gm, '$1(… ms)')
    .replaceAll(/^(ok .*: )\d+ topics /gm, '$1… topics ')
    .replaceAll(/-check-[0-9a-f]{8}/g, '-check-<word>')
    .trimEnd();
}
