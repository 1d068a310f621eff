"use client";

import { useEffect, useRef, useState } from "react";
import { hear, type Progress } from "@/lib/chat/announcement";

/** Tells those who hear the page when an answer begins and ends, and not each of its words. */
export function Announcer({ phase, message }: Progress) {
  const [said, setSaid] = useState({ text: "", count: 0 });
  const before = useRef<Progress>({ phase, message });
  useEffect(() => {
    const { said: text, now } = hear(before.current, { phase, message });
    before.current = now;
    if (text) setSaid(({ count }) => ({ text, count: count + 1 }));
  }, [phase, message]);
  return (
    <p role="status" className="sr-only">
      {/* The same words twice are said twice only if they are put there anew. */}
      <span key={said.count}>{said.text}</span>
    </p>
  );
}
