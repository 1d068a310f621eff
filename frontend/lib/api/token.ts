/**
 * The short-lived token for the backend. It lives in this module's memory only: the session that
 * it comes from is an HttpOnly cookie, and nothing secret is ever stored where scripts can read it.
 */

/** Renewed when less than this is left, in milliseconds. */
const MARGIN = 60_000;

interface Kept {
  token: string;
  subject: string;
  expires: number;
}

/** Fired on the window when it turns out that the session is over. */
export const SIGNED_OUT_EVENT = "todo:signed-out";

/** The session is over: the person has to sign in again. */
export class SignedOutError extends Error {
  constructor() {
    super("You are signed out. Sign in to go on.");
    this.name = "SignedOutError";
  }
}

let kept: Kept | undefined;
let flight: Promise<Kept> | undefined;

/**
 * A token with at least a minute left. All who ask at the same time share one request.
 *
 * @throws {SignedOutError} there is no session
 * @throws {TypeError} the server cannot be reached
 */
export async function getToken(): Promise<string> {
  return (await current()).token;
}

/** Whose token it is; `anew` asks the server, as somebody else may have signed in in another tab. */
export async function getSubject(anew = false): Promise<string> {
  if (anew) {
    kept = undefined;
    // A request under way may have been answered before the session ended.
    flight = undefined;
  }
  return (await current()).subject;
}

/** Forgets a token that the backend refused, unless a newer one is there already. */
export function dropToken(token: string): void {
  if (kept?.token === token) kept = undefined;
}

async function current(): Promise<Kept> {
  if (kept && kept.expires - Date.now() > MARGIN) return kept;
  if (flight) return flight;
  const mine = renew().finally(() => {
    if (flight === mine) flight = undefined;
  });
  flight = mine;
  return mine;
}

async function renew(): Promise<Kept> {
  const response = await fetch("/auth/token", { cache: "no-store", credentials: "same-origin" });
  if (response.status === 401) {
    kept = undefined;
    if (typeof window !== "undefined") window.dispatchEvent(new Event(SIGNED_OUT_EVENT));
    throw new SignedOutError();
  }
  // Anything else is the server's trouble, not the session's end: whoever asked tries again.
  if (!response.ok) throw new TypeError(`No token: status ${response.status}`);
  const { token } = (await response.json()) as { token: string };
  kept = { token, ...claims(token) };
  return kept;
}

function claims(token: string): { subject: string; expires: number } {
  const part = token.split(".")[1] ?? "";
  const text = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
  const { sub, exp } = JSON.parse(text) as { sub: string; exp: number };
  return { subject: sub, expires: exp * 1000 };
}
