"use client";

import { ListTodo, MessageCircle } from "lucide-react";
import { createContext, type ReactNode, useContext, useMemo, useState } from "react";
import { cn } from "@/lib/cn";

export type View = "chat" | "tasks";

interface Workspace {
  /** Which of the two shows where there is room for one only. */
  view: View;
  show: (view: View) => void;
}

const Context = createContext<Workspace | undefined>(undefined);

/** Which panel shows on narrow screens, and how to go to the other. */
export function useWorkspace(): Workspace {
  const workspace = useContext(Context);
  if (!workspace) throw new Error("useWorkspace needs the workspace above it");
  return workspace;
}

const VIEWS = [
  { view: "chat", label: "Chat", icon: MessageCircle },
  { view: "tasks", label: "Tasks", icon: ListTodo },
] as const;

interface Props {
  chat: ReactNode;
  tasks: ReactNode;
}

/** Chat and tasks side by side; on narrow screens one of them, and a switch. */
export function Workspace({ chat, tasks }: Props) {
  const [view, show] = useState<View>("chat");
  const value = useMemo(() => ({ view, show }), [view]);
  const only = (which: View) => view !== which && "max-lg:hidden";
  return (
    <Context value={value}>
      <div className="flex min-h-0 flex-1 flex-col lg:flex-row">
        <fieldset className="m-0 mx-4 mt-3 flex gap-1 rounded-md bg-sunken p-1 lg:hidden">
          <legend className="sr-only">Show</legend>
          {VIEWS.map(({ view: which, label, icon: Icon }) => (
            <button
              key={which}
              type="button"
              aria-pressed={view === which}
              onClick={() => show(which)}
              className="flex h-8 flex-1 items-center justify-center gap-2 rounded-sm font-medium text-muted text-sm transition-colors aria-pressed:bg-selected aria-pressed:text-ink aria-pressed:shadow-raised"
            >
              <Icon aria-hidden className="size-4" />
              {label}
            </button>
          ))}
        </fieldset>
        <div className={cn("flex min-h-0 min-w-0 flex-1 flex-col", only("chat"))}>{chat}</div>
        <div
          className={cn(
            "flex min-h-0 min-w-0 flex-1 flex-col border-line lg:max-w-[30rem] lg:border-l",
            only("tasks"),
          )}
        >
          {tasks}
        </div>
      </div>
    </Context>
  );
}
