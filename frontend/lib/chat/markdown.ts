/**
 * An answer as Markdown. Titles stand in “quotes” and are the person's own words, so what looks
 * like Markdown in them is shown as it was written.
 */
export function asMarkdown(answer: string): string {
  return answer.replace(/“[^”\n]*”/g, (quoted) =>
    quoted.replace(/[\\`*_{}[\]()#+\-.!~<>|&:@]/g, "\\$&"),
  );
}
