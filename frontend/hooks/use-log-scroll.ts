"use client";

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

/** So close to the end counts as being there, in pixels. */
const NEAR = 24;

/**
 * Keeps the end of a log in view as it grows, as long as the reader is there. Whoever scrolls up
 * stays where they read, also when older messages (`first` is the oldest) come in above.
 * A change of `sent` brings everybody to the end.
 */
export function useLogScroll(first: string | undefined, sent: unknown) {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const lastTop = useRef(0);
  const fromEnd = useRef(0);
  const [away, setAway] = useState(false);
  const [unread, setUnread] = useState(false);

  const toEnd = useCallback(() => {
    follows.current = true;
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
    setAway(false);
    setUnread(false);
  }, []);

  const onScroll = useCallback(() => {
    const log = scroller.current;
    if (!log) return;
    fromEnd.current = log.scrollHeight - log.scrollTop;
    const atEnd = fromEnd.current - log.clientHeight < NEAR;
    if (atEnd) follows.current = true;
    else if (log.scrollTop < lastTop.current) follows.current = false;
    lastTop.current = log.scrollTop;
    setAway(!follows.current);
    if (follows.current) setUnread(false);
  }, []);

  useEffect(() => {
    const log = scroller.current;
    if (!log || !content.current) return;
    let height = log.scrollHeight;
    const observer = new ResizeObserver(() => {
      if (follows.current) log.scrollTop = log.scrollHeight;
      else if (log.scrollHeight > height) setUnread(true);
      height = log.scrollHeight;
      fromEnd.current = log.scrollHeight - log.scrollTop;
    });
    observer.observe(log);
    observer.observe(content.current);
    return () => observer.disconnect();
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: what came in above moves what is read
  useLayoutEffect(() => {
    const log = scroller.current;
    if (log && !follows.current) log.scrollTop = log.scrollHeight - fromEnd.current;
  }, [first]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: who says something wants to see it
  useLayoutEffect(() => toEnd(), [sent, toEnd]);

  return { scroller, content, onScroll, away, unread, toEnd };
}
