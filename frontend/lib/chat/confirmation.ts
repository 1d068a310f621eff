const ASKS = /\n?[^\n]*\btype exactly: (delete \d+ tasks?)\s*$/;

/**
 * What an answer asks to be typed before it deletes several tasks, such as `delete 3 tasks`;
 * undefined when it asks nothing. The backend enforces it; here it is only made plain to see.
 */
export function askedPhrase(answer: string): string | undefined {
  return ASKS.exec(answer)?.[1];
}

/** The answer without the line that asks. */
export function withoutPhrase(answer: string): string {
  return answer.replace(ASKS, "").trimEnd();
}
