"use client";

import { createContext, type ReactNode, useContext } from "react";

/** Who is signed in. */
export interface Session {
  userId: string;
  name: string;
  email: string;
}

const Context = createContext<Session | undefined>(undefined);

/** Hands down who is signed in, as the server said. */
export function SessionProvider({ session, children }: { session: Session; children: ReactNode }) {
  return <Context value={session}>{children}</Context>;
}

/** Who is signed in; only below the signed-in shell. */
export function useSession(): Session {
  const session = useContext(Context);
  if (!session) throw new Error("useSession needs a SessionProvider above it");
  return session;
}
