"use client";

import { X } from "lucide-react";
import { Toast as Radix } from "radix-ui";
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useMemo,
  useRef,
  useState,
} from "react";
import { useInBrowser } from "@/hooks/use-in-browser";
import { cn } from "@/lib/cn";
import { IconButton } from "./icon-button";

export type ToastTone = "neutral" | "success" | "danger";

export interface ToastMessage {
  title: string;
  detail?: string;
  tone?: ToastTone;
  /** One thing that can be done about it, such as Undo. */
  action?: { label: string; onAction: () => void };
  /** Milliseconds; 6,000 unless given, Infinity to stay until closed. */
  duration?: number;
}

interface Toasts {
  /** Shows a message and returns its id. */
  show: (message: ToastMessage) => string;
  /** Takes it away again. */
  hide: (id: string) => void;
}

interface Shown extends ToastMessage {
  id: string;
}

const Context = createContext<Toasts | undefined>(undefined);

/** More than these would cover the page. */
const AT_ONCE = 3;

const EDGES: Record<ToastTone, string> = {
  neutral: "border-line",
  success: "border-success",
  danger: "border-danger",
};

/** Shows messages at the edge of the page. F8 takes the keyboard there; pointing at one holds it. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [shown, setShown] = useState<Shown[]>([]);
  const count = useRef(0);
  const inBrowser = useInBrowser();
  const hide = useCallback((id: string) => {
    setShown((toasts) => toasts.filter((toast) => toast.id !== id));
  }, []);
  const show = useCallback((message: ToastMessage) => {
    const id = `toast-${++count.current}`;
    setShown((toasts) => [...toasts, { ...message, id }].slice(-AT_ONCE));
    return id;
  }, []);
  const value = useMemo(() => ({ show, hide }), [show, hide]);
  return (
    <Context value={value}>
      <Radix.Provider label="Message" duration={6000} swipeDirection="right">
        {children}
        {shown.map((toast) => (
          <Toast key={toast.id} toast={toast} onClose={() => hide(toast.id)} />
        ))}
        {inBrowser && (
          <Radix.Viewport
            label="Messages ({hotkey})"
            // Where there is one column, the line in which people write is below.
            className="pointer-events-none fixed right-0 bottom-24 z-60 flex w-full flex-col gap-2 p-4 pb-[max(1rem,env(safe-area-inset-bottom))] sm:max-w-sm lg:bottom-0 [&>*]:pointer-events-auto"
          />
        )}
      </Radix.Provider>
    </Context>
  );
}

function Toast({ toast, onClose }: { toast: Shown; onClose: () => void }) {
  const { title, detail, tone = "neutral", action, duration } = toast;
  return (
    <Radix.Root
      type="foreground"
      duration={duration}
      onOpenChange={(open) => open || onClose()}
      className={cn(
        "toast flex items-center gap-2 rounded-md border bg-surface py-2 pr-2 pl-4 shadow-floating",
        EDGES[tone],
      )}
    >
      <div className="min-w-0 flex-1 py-1">
        <Radix.Title className="text-sm [overflow-wrap:anywhere]">{title}</Radix.Title>
        {detail && (
          <Radix.Description className="mt-0.5 text-muted text-sm">{detail}</Radix.Description>
        )}
      </div>
      {action && (
        <Radix.Action
          altText={action.label}
          onClick={action.onAction}
          className="h-8 shrink-0 rounded-sm px-2.5 font-medium text-accent text-sm hover:bg-accent-soft"
        >
          {action.label}
        </Radix.Action>
      )}
      <Radix.Close asChild>
        <IconButton label="Close message" icon={<X />} size="sm" />
      </Radix.Close>
    </Radix.Root>
  );
}

/** Shows messages; only below a ToastProvider. */
export function useToast(): Toasts {
  const toasts = useContext(Context);
  if (!toasts) throw new Error("useToast needs a ToastProvider above it");
  return toasts;
}
