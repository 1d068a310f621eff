/** What has to end with the session, such as a subscription of this browser to notifications. */
type Cleanup = () => void | Promise<void>;

const cleanups = new Set<Cleanup>();

let leaving = false;

/** Whether this page is being left because the person signed out here. */
export function isLeaving(): boolean {
  return leaving;
}

/** The channel on which tabs of this browser tell each other that the session has changed. */
export const SESSION_CHANNEL = "session";
/** Where the person goes once the session is over. */
export const SIGN_IN = "/sign-in";

/** Has `cleanup` run once the person is signed out; returns how to take that back. */
export function afterSignOut(cleanup: Cleanup): () => void {
  cleanups.add(cleanup);
  return () => {
    cleanups.delete(cleanup);
  };
}

/**
 * Ends the session, in all tabs.
 *
 * @throws {TypeError} the server cannot be reached, or refuses
 */
export async function signOut(): Promise<void> {
  const response = await fetch("/auth/sign-out", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  if (!response.ok) throw new TypeError(`Not signed out: status ${response.status}`);
  leaving = true;
  // The token that is kept here is still good for these.
  await Promise.allSettled([...cleanups].map(async (cleanup) => cleanup()));
  announceSession();
  location.assign(SIGN_IN);
}

/** Tells other tabs that somebody signed in or out. */
export function announceSession(): void {
  const channel = new BroadcastChannel(SESSION_CHANNEL);
  channel.postMessage("changed");
  channel.close();
}
