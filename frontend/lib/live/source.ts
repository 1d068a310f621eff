/** The live feed in a browser: who listens, and whether the page is connected. */

import { authorizedFetch } from "@/lib/api/client";
import { type LiveEvents, LiveFeed, type LiveKind } from "./feed";

/** Whether the page hears of changes at the moment. */
export type Connection = "online" | "reconnecting" | "offline";
type Handler = (data: never) => void;

/** Gaps shorter than this, as when a token is renewed, are nobody's business. In milliseconds. */
const UNNOTICED = 2_500;
/** Longest that the first reading waits for the feed. */
const PATIENCE = 1_000;

export class LiveSource {
  /** Resolves once updates are heard, or when waiting for that has taken too long. */
  readonly ready: Promise<void>;
  /** Whether the first `resync` has been taken in, which only says that the feed is open. */
  heardBefore = false;
  private readonly handlers = new Map<LiveKind, Set<Handler>>();
  private readonly watchers = new Set<(state: Connection) => void>();
  private readonly feed: LiveFeed;
  private isReady: () => void = () => {};
  private waited = false;
  private connected = true;
  private state: Connection = "online";
  private gap: ReturnType<typeof setTimeout> | undefined;
  private asleepSince: number | null = null;

  constructor(userId: string) {
    this.ready = new Promise((resolve) => {
      this.isReady = resolve;
    });
    const path = `/api/${encodeURIComponent(userId)}/events`;
    this.feed = new LiveFeed({
      open: (lastId, signal) => {
        const headers = { accept: "text/event-stream", ...(lastId && { "last-event-id": lastId }) };
        return authorizedFetch(path, { headers, signal });
      },
      heard: (kind, data) => this.heard(kind, data),
      connected: (is) => this.setConnected(is),
      wait: (ms, then) => {
        const timer = setTimeout(then, ms);
        return () => clearTimeout(timer);
      },
      random: Math.random,
    });
  }

  on<K extends LiveKind>(kind: K, handler: (data: LiveEvents[K]) => void): () => void {
    const handlers = this.handlers.get(kind) ?? new Set();
    this.handlers.set(kind, handlers);
    handlers.add(handler as Handler);
    return () => handlers.delete(handler as Handler);
  }

  onConnection(watcher: (state: Connection) => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** Begins to listen; answers how to end it. */
  start(): () => void {
    const patience = setTimeout(() => {
      this.waited = true;
      this.isReady();
    }, PATIENCE);
    const online = () => {
      this.tell();
      this.feed.hurry();
    };
    const offline = () => {
      this.tell();
      // No end of the stream may ever arrive: without this it would seem alive until its silence is
      // noticed, also once the connection is back.
      this.feed.renew();
    };
    const shown = () => {
      if (document.visibilityState === "hidden") {
        this.asleepSince = Date.now();
        return;
      }
      // A tab that slept has missed its own timers: the stream may be dead without knowing.
      const slept = this.asleepSince !== null && Date.now() - this.asleepSince > 5 * 60_000;
      this.asleepSince = null;
      if (slept) this.feed.renew();
      else this.feed.hurry();
    };
    addEventListener("online", online);
    addEventListener("offline", offline);
    document.addEventListener("visibilitychange", shown);
    this.feed.start();
    this.tell();
    return () => {
      clearTimeout(patience);
      clearTimeout(this.gap);
      removeEventListener("online", online);
      removeEventListener("offline", offline);
      document.removeEventListener("visibilitychange", shown);
      this.feed.stop();
    };
  }

  private heard<K extends LiveKind>(kind: K, data: LiveEvents[K]): void {
    if (kind === "resync" && !this.heardBefore) {
      // Had the reading not waited for this, it would have to be done again.
      if (this.waited) this.heardBefore = true;
      this.isReady();
    }
    for (const handler of this.handlers.get(kind) ?? []) (handler as (data: unknown) => void)(data);
    if (kind === "resync") this.heardBefore = true;
  }

  private setConnected(is: boolean): void {
    if (is === this.connected) return;
    this.connected = is;
    clearTimeout(this.gap);
    if (is) this.tell();
    else this.gap = setTimeout(() => this.tell(), UNNOTICED);
  }

  private tell(): void {
    const state = !navigator.onLine ? "offline" : this.connected ? "online" : "reconnecting";
    if (state === this.state) return;
    this.state = state;
    for (const watcher of this.watchers) watcher(state);
  }
}
