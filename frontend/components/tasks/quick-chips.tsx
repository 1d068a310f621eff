import { CalendarDays, Flag, Tag, X } from "lucide-react";
import type { ReactNode } from "react";
import type { NewTask } from "@/lib/api/types";
import { cn } from "@/lib/cn";

interface Props {
  task: NewTask;
  /** When it is due, in words. */
  due: string | null;
  /** The due moment was read out of the title. */
  fromWords: boolean;
  onDropDue: () => void;
}

/** What was understood of a line, before anything is added. */
export function QuickChips({ task, due, fromWords, onDropDue }: Props) {
  const { priority, tags } = task;
  if (!due && priority === "normal" && !tags?.length) return null;
  return (
    <div className="flex flex-wrap items-center gap-1.5 text-sm">
      {due && (
        <Chip className="pr-0.5">
          <CalendarDays aria-hidden />
          Due {due}
          <button
            type="button"
            onClick={onDropDue}
            aria-label={fromWords ? "No date: keep the words in the title" : "No date"}
            title={fromWords ? "Keep the words in the title" : "No date"}
            className="flex size-6 items-center justify-center rounded-full hover:bg-surface"
          >
            <X aria-hidden />
          </button>
        </Chip>
      )}
      {(priority === "high" || priority === "low") && (
        <Chip className={cn(priority === "high" && "text-danger")}>
          <Flag aria-hidden />
          {priority === "high" ? "High" : "Low"}
        </Chip>
      )}
      {tags?.map((tag) => (
        <Chip key={tag}>
          <Tag aria-hidden />
          {tag}
        </Chip>
      ))}
    </div>
  );
}

function Chip({ className, children }: { className?: string; children: ReactNode }) {
  return (
    <span
      className={cn(
        "inline-flex min-h-7 max-w-full items-center gap-1.5 rounded-full bg-sunken px-2.5 text-ink [&_svg]:size-3.5 [&_svg]:shrink-0",
        className,
      )}
    >
      {children}
    </span>
  );
}
