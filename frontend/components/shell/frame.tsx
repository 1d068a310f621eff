"use client";

import type { ReactNode } from "react";
import { useInBrowser } from "@/hooks/use-in-browser";

/**
 * What is around every page for people who are signed in. Nothing in it can be pressed before the
 * script listens: a click on the server's HTML would be lost without a word.
 */
export function Frame({ children }: { children: ReactNode }) {
  const inBrowser = useInBrowser();
  return (
    <div inert={!inBrowser} className="flex h-dvh flex-col">
      {children}
    </div>
  );
}
