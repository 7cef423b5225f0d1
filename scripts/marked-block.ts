/**
 * The fenced block behind an HTML comment in a markdown text: how tests find the examples that documents show.
 *
 *     <!-- example: first-job -->
 *     ```ts
 *     …
 *     ```
 */
export function markedBlock(markdown: string, marker: string, language?: string): string {
  const comment = `<!-- ${marker} -->`;
  const at = markdown.indexOf(comment);
  if (at < 0) throw new Error(`no ${comment} in the document; put it before the block that the test should read`);
  const fence = new RegExp(`^\`\`\`(?:${language ?? '[^\\n]*'})\\n([\\s\\S]*?)^\`\`\`\\s*$`, 'm');
  const block = fence.exec(markdown.slice(at + comment.length));
  if (block === null) throw new Error(`no \`\`\`${language ?? ''} block behind ${comment}`);
  return block[1]!;
}
