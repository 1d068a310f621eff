/** How the backend ends an answer that was planned without the language model. */
const SIMPLER = "(The language model was not reachable, so I used simpler understanding.)";

/** An answer's words, and whether the language model was not there to understand the question. */
export function readAnswer(text: string): { text: string; simpler: boolean } {
  const simpler = text.endsWith(SIMPLER);
  return { text: simpler ? text.slice(0, -SIMPLER.length).trimEnd() : text, simpler };
}
