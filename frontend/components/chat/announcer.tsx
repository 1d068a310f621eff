"use client";

import { useEffect, useRef, useState } from "react";
import type { Phase } from "@/lib/chat/session-state";

/** Tells those who hear the page when an answer begins and ends, and not each of its words. */
export function Announcer({ phase }: { phase: Phase }) {
  const [said, setSaid] = useState("");
  const before = useRef(phase.name);
  useEffect(() => {
    const was = before.current;
    before.current = phase.name;
    if (was === phase.name) return;
    const wasAnswering = was === "answering" || was === "stopping";
    if (phase.name === "answering") setSaid("Assistant is answering");
    else if (phase.name === "idle" && wasAnswering) setSaid("Answer finished");
    else if (phase.name === "waiting" && phase.why === "connection") setSaid("Reconnecting");
  }, [phase]);
  return (
    <p role="status" className="sr-only">
      {said}
    </p>
  );
}
