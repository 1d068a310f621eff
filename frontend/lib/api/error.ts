import type { Problem } from "./types";

/** Why a request to the backend failed, in words for the person. */
export class ApiError extends Error {
  /** The HTTP status; 0 when there was no answer at all. */
  readonly status: number;
  /** The problem in a few words. */
  readonly title: string;
  /** A sentence: what happened and what to do. */
  readonly detail: string;
  /** For programs: `not_found`, `invalid`, `conflict`, …; `network` without an answer. */
  readonly code: string;
  /** Seconds after which trying again makes sense. */
  readonly retryAfter?: number;

  constructor(problem: Omit<Problem, "type">, retryAfter?: number) {
    super(problem.detail);
    this.name = "ApiError";
    this.status = problem.status;
    this.title = problem.title;
    this.detail = problem.detail;
    this.code = problem.code;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed later. */
  get transient(): boolean {
    return [0, 429, 502, 503, 504].includes(this.status);
  }
}

/** There was no answer. */
export function networkError(): ApiError {
  return new ApiError({
    status: 0,
    title: "No connection",
    detail: "The server cannot be reached. Check your connection.",
    code: "network",
  });
}

/** What an unsuccessful response says. */
export async function errorOf(response: Response): Promise<ApiError> {
  const retryAfter = secondsOf(response.headers.get("retry-after"));
  try {
    const problem = (await response.json()) as Problem;
    if (typeof problem.detail === "string") {
      return new ApiError({ ...problem, status: response.status }, retryAfter);
    }
  } catch {
    // Not the backend's answer but that of something in between.
  }
  const detail =
    response.status >= 500
      ? "The server is not available at the moment. Please try again shortly."
      : "The request was refused.";
  const title = response.statusText || "Request failed";
  return new ApiError({ status: response.status, title, detail, code: "unknown" }, retryAfter);
}

/** `Retry-After` in seconds, whether it names seconds or a moment. */
function secondsOf(value: string | null): number | undefined {
  if (!value) return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const moment = Date.parse(value);
  return Number.isNaN(moment) ? undefined : Math.max(0, (moment - Date.now()) / 1000);
}
