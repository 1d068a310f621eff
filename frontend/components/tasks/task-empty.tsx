import { Button } from "@/components/ui/button";
import type { View } from "@/lib/tasks/views";

const WORDS: Record<View, [string, string]> = {
  today: ["Nothing due today", "Add a task above, or ask the assistant for one."],
  upcoming: ["Nothing coming up", "Tasks that are due after today show here."],
  overdue: ["Nothing overdue", "You are on top of things."],
  all: ["No tasks yet", "Add one above, or tell the assistant what you have to do."],
  done: ["Nothing done yet", "What you complete shows here."],
};

interface Props {
  view: View;
  complete: boolean;
  filtered: boolean;
  onClear: () => void;
}

/** What stands where no task is. */
export function TaskEmpty({ view, complete, filtered, onClear }: Props) {
  const [title, detail] = filtered
    ? ["No task fits", "Try other words, or another view."]
    : WORDS[view];
  return (
    <div className="flex flex-1 flex-col items-center justify-center gap-1 px-6 pb-16 text-center">
      <p className="font-medium">{complete ? title : "Reading your tasks"}</p>
      {complete && <p className="max-w-xs text-balance text-muted text-sm">{detail}</p>}
      {filtered && (
        <Button size="sm" className="mt-3" onClick={onClear}>
          Clear search and filter
        </Button>
      )}
    </div>
  );
}
