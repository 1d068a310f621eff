import { ApiError, SignedOutError } from "@/lib/api/client";

/** Why a message brought no answer, and what can be done about it. */
export interface SendProblem {
  /**
   * - `connection`: it may have arrived or not; the same key goes on with it
   * - `stumbled`: the backend could not finish; the same key goes on where it stopped
   * - `wait`: the backend asks to come back after a while
   * - `signed-out`: the session is over
   * - `gone`: the conversation was deleted
   * - `refused`: the backend does not take it, now or later
   */
  kind: "connection" | "stumbled" | "wait" | "signed-out" | "gone" | "refused";
  /** A sentence for the person. */
  sentence: string;
  /** Seconds after which trying again makes sense. */
  retryAfter?: number;
}

/** The stream ended before the answer did. */
export class BrokenStream extends Error {
  constructor() {
    super("The answer broke off.");
    this.name = "BrokenStream";
  }
}

/** The backend could not finish the answer, and says so in the stream. */
export class UnfinishedAnswer extends Error {
  constructor(sentence: string) {
    super(sentence);
    this.name = "UnfinishedAnswer";
  }
}

/** What to make of whatever a send threw. */
export function sendProblem(error: unknown): SendProblem {
  if (error instanceof SignedOutError) return { kind: "signed-out", sentence: error.message };
  if (error instanceof UnfinishedAnswer) return { kind: "stumbled", sentence: error.message };
  if (!(error instanceof ApiError)) {
    // No connection, or half an answer: the turn may still be going on.
    return { kind: "connection", sentence: "The connection broke before the answer was complete." };
  }
  const { status, detail, retryAfter } = error;
  if (status === 401) {
    return { kind: "signed-out", sentence: "You are signed out. Sign in to go on." };
  }
  if (status === 404) {
    return {
      kind: "gone",
      sentence: "This conversation was deleted, so the message could not be sent.",
    };
  }
  if (status === 409 && retryAfter !== undefined) {
    return { kind: "wait", sentence: `${detail} Yours follows.`, retryAfter };
  }
  if (status === 429) {
    const sentence = "Those were many messages in a short time. Yours is sent in a moment.";
    return { kind: "wait", sentence, retryAfter: retryAfter ?? 5 };
  }
  if (error.transient) {
    return {
      kind: "connection",
      sentence: "The assistant cannot be reached at the moment.",
      retryAfter,
    };
  }
  return { kind: "refused", sentence: detail };
}
