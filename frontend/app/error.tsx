"use client";

import { useCallback, useEffect } from "react";
import { Mark } from "@/components/shell/brand";
import { Button } from "@/components/ui/button";

/** Marks a tab that has reloaded itself. */
const RELOADED = "reloaded";

export default function ErrorPage({ error, reset }: { error: Error; reset: () => void }) {
  // A part of the page that could not be loaded stays so until the page is loaded anew.
  const isPartMissing = error.name === "ChunkLoadError";
  const again = useCallback(() => {
    if (isPartMissing) location.reload();
    else reset();
  }, [isPartMissing, reset]);
  useEffect(() => {
    // Once by itself, as the connection may have come back before this was shown.
    if (isPartMissing && navigator.onLine && !sessionStorage.getItem(RELOADED)) {
      sessionStorage.setItem(RELOADED, "yes");
      location.reload();
      return;
    }
    addEventListener("online", again);
    return () => removeEventListener("online", again);
  }, [again, isPartMissing]);
  return (
    <main className="flex min-h-dvh flex-col items-center justify-center gap-4 p-6 text-center">
      <Mark className="size-10" />
      <h1 className="font-semibold text-xl">This page cannot be shown at the moment</h1>
      <p className="max-w-sm text-balance text-muted">
        Nothing is lost: your tasks and conversations are safe. Please try again shortly.
      </p>
      <Button tone="primary" onClick={again}>
        Try again
      </Button>
    </main>
  );
}
