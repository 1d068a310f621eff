"use client";

import { useQueryClient } from "@tanstack/react-query";
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useEffectEvent,
  useMemo,
  useState,
} from "react";
import { ServiceWorker } from "@/components/service-worker";
import { TaskRefusals } from "@/components/tasks/task-refusals";
import { useSession } from "@/hooks/use-session";
import type { LiveEvents, LiveKind } from "@/lib/live/feed";
import { type Connection, LiveSource } from "@/lib/live/source";
import { keys } from "@/lib/query-keys";
import { TaskStore } from "@/lib/tasks/store";

export type ConnectionState = Connection;

interface Live {
  source: LiveSource;
  tasks: TaskStore;
  connection: ConnectionState;
}

const Context = createContext<Live | undefined>(undefined);

/** Hears the live feed, keeps the query cache right by it, and sends the person's changes. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const { userId } = useSession();
  const cache = useQueryClient();
  const [source] = useState(() => new LiveSource(userId));
  const [tasks] = useState(() => new TaskStore(userId, cache));
  const [connection, setConnection] = useState<ConnectionState>("online");

  useEffect(() => {
    tasks.readAfter(source.ready);
    const stops = [
      source.on("task", (update) => tasks.told(update)),
      source.on("resync", () => {
        // The first only says that we are heard: everything is about to be read.
        if (!source.heardBefore) return;
        for (const key of [keys.tasks, keys.profile, keys.conversations]) {
          void cache.invalidateQueries({ queryKey: key });
        }
      }),
      source.onConnection((state) => {
        setConnection(state);
        if (state === "online") tasks.outbox.resume();
      }),
      source.start(),
    ];
    tasks.outbox.resume();
    return () => {
      for (const stop of stops) stop();
    };
  }, [source, tasks, cache]);

  const live = useMemo(() => ({ source, tasks, connection }), [source, tasks, connection]);
  return (
    <Context value={live}>
      {children}
      <TaskRefusals />
      <ServiceWorker />
    </Context>
  );
}

function useLive(): Live {
  const live = useContext(Context);
  if (!live) throw new Error("Only below a LiveProvider is anything heard");
  return live;
}

/** Whether the page hears of changes at the moment. */
export function useConnection(): ConnectionState {
  return useLive().connection;
}

/** The person's tasks and what waits to be sent; see `hooks/use-tasks.ts` for how to use it. */
export function useTaskStore(): TaskStore {
  return useLive().tasks;
}

/** Has `handler` called with every event of a kind, while the component is there. */
export function useLiveEvents<K extends LiveKind>(
  kind: K,
  handler: (data: LiveEvents[K]) => void,
): void {
  const { source } = useLive();
  const heard = useEffectEvent(handler);
  useEffect(() => source.on(kind, (data) => heard(data)), [source, kind]);
}
