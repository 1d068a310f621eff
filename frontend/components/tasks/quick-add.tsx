"use client";

import { CalendarClock, Plus } from "lucide-react";
import { useRef } from "react";
import { inputClass } from "@/components/ui/field";
import { IconButton } from "@/components/ui/icon-button";
import { Popover } from "@/components/ui/popover";
import { useToast } from "@/components/ui/toast";
import { useQuickAdd } from "@/hooks/use-quick-add";
import { useTaskActions } from "@/hooks/use-tasks";
import type { Task } from "@/lib/api/types";
import { cn } from "@/lib/cn";
import { fieldsOf } from "@/lib/tasks/due";
import { dueLabel } from "@/lib/tasks/format";
import { belongs, type Clock, VIEW_NAMES, type View } from "@/lib/tasks/views";
import { DueFields } from "./due-fields";
import { QuickChips } from "./quick-chips";

interface Props {
  view: View;
  clock: Clock;
  onShow: (view: View) => void;
}

/** A line that becomes a task: its title, `#tags`, `!priority`, and when it is due. */
export function QuickAdd({ view, clock, onShow }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const quick = useQuickAdd(view, clock);
  const { add } = useTaskActions();
  const toast = useToast();
  const { text, task, due } = quick;
  const tooLong = [...task.title].length > 200;

  function submit() {
    if (!task.title || tooLong) {
      input.current?.focus();
      return;
    }
    add(task);
    quick.clear();
    input.current?.focus();
    const added = { ...task, status: "open" } as Task;
    const home: View = belongs(added, "today", clock)
      ? "today"
      : belongs(added, "upcoming", clock)
        ? "upcoming"
        : "all";
    const seen = belongs(added, view, clock);
    toast.show({
      title: `Added: ${task.title}`,
      detail: dueLabel(due, clock.today, clock.zone) ?? undefined,
      duration: 4_000,
      action: seen
        ? undefined
        : { label: `Show in ${VIEW_NAMES[home]}`, onAction: () => onShow(home) },
    });
  }

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      className="flex flex-col gap-2"
    >
      <div className="flex items-center gap-1.5">
        <label htmlFor="quick-add" className="sr-only">
          New task
        </label>
        <div className="relative min-w-0 flex-1">
          <input
            ref={input}
            id="quick-add"
            value={text}
            onChange={(event) => quick.setText(event.target.value)}
            placeholder="Add a task"
            autoComplete="off"
            enterKeyHint="done"
            maxLength={400}
            aria-describedby="quick-add-read"
            aria-invalid={tooLong || undefined}
            className={cn(inputClass, "h-10 pr-10")}
          />
          <Popover
            label="When the new task is due"
            align="end"
            className="w-80"
            trigger={
              <IconButton
                label="Set when it is due"
                icon={<CalendarClock />}
                size="sm"
                className="absolute top-1 right-1"
              />
            }
          >
            <DueFields value={fieldsOf(due, clock.zone)} onChange={quick.pick} clock={clock} />
          </Popover>
        </div>
        <IconButton
          label="Add the task"
          icon={<Plus />}
          tone="primary"
          onClick={submit}
          disabled={!task.title}
        />
      </div>
      <div id="quick-add-read" role="status" className="empty:-mt-2">
        {text.trim() !== "" && (
          <QuickChips
            task={task}
            due={dueLabel(due, clock.today, clock.zone)}
            fromWords={quick.dueWords !== null}
            onDropDue={() =>
              quick.dueWords !== null ? quick.keepWords() : quick.pick({ day: "", time: "" })
            }
          />
        )}
        {tooLong && (
          <p className="text-danger text-sm">
            A title has at most 200 characters. Put the rest into the task's notes.
          </p>
        )}
      </div>
    </form>
  );
}
