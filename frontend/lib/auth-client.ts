"use client";

import { createAuthClient } from "better-auth/react";

/**
 * Better Auth in the browser, for the pages where people sign in and up. Its session is an
 * HttpOnly cookie; the rest of the page needs tokens only, which `lib/api/token.ts` gets.
 */
export const authClient = createAuthClient({ basePath: "/auth" });
