import { CalendarDays, CloudUpload, Flag, Repeat, StickyNote } from "lucide-react";
import type { ReactNode } from "react";
import type { Task } from "@/lib/api/types";
import { cn } from "@/lib/cn";

interface Props {
  task: Task;
  /** When it is due, in words. */
  due: string | null;
  overdue: boolean;
  /** A change of it has not been answered yet, and will not be soon. */
  waits: boolean;
}

/** What is to be known of a task besides its title, in one line that wraps. */
export function TaskMeta({ task, due, overdue, waits }: Props) {
  const { priority, tags, recurrence, notes } = task;
  if (!due && priority === "normal" && !tags?.length && !notes && !waits) return null;
  return (
    <span className="mt-0.5 flex flex-wrap items-center gap-x-3 gap-y-0.5 text-muted text-xs">
      {due && (
        <Item className={cn(overdue && "font-medium text-danger")}>
          <CalendarDays aria-hidden />
          {overdue && <span className="sr-only">Overdue: </span>}
          {due}
        </Item>
      )}
      {recurrence && (
        <Item>
          <Repeat aria-hidden />
          {recurrence.words}
        </Item>
      )}
      {priority !== "normal" && (
        <Item className={cn(priority === "high" && "font-medium text-danger")}>
          <Flag aria-hidden />
          {priority === "high" ? "High" : "Low"}
          <span className="sr-only"> priority</span>
        </Item>
      )}
      {tags?.map((tag) => (
        <span key={tag} className="max-w-full truncate">
          #{tag}
        </span>
      ))}
      {notes && (
        <Item>
          <StickyNote aria-hidden />
          <span className="sr-only">Has notes</span>
        </Item>
      )}
      {waits && (
        <Item className="text-warning">
          <CloudUpload aria-hidden />
          Not sent yet
        </Item>
      )}
    </span>
  );
}

function Item({ className, children }: { className?: string; children: ReactNode }) {
  return (
    <span
      className={cn("inline-flex items-center gap-1 [&_svg]:size-3.5 [&_svg]:shrink-0", className)}
    >
      {children}
    </span>
  );
}
