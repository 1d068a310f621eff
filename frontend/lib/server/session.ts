import "server-only";

import { headers } from "next/headers";
import type { Session } from "@/hooks/use-session";
import { getAuth } from "./auth";

/** Who sent the request that is being answered; undefined when nobody is signed in. */
export async function readSession(): Promise<Session | undefined> {
  const auth = await getAuth();
  const found = await auth.api.getSession({ headers: await headers() });
  if (!found) return undefined;
  return { userId: found.user.id, name: found.user.name, email: found.user.email };
}
