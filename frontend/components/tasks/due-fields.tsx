"use client";

import { useId } from "react";
import { Button } from "@/components/ui/button";
import { inputClass } from "@/components/ui/field";
import { cn } from "@/lib/cn";
import { addDays, nextMonday } from "@/lib/tasks/days";
import type { DueFields as Fields } from "@/lib/tasks/due";
import type { Clock } from "@/lib/tasks/views";
import { zoneLabel } from "@/lib/zones";

interface Props {
  value: Fields;
  onChange: (value: Fields) => void;
  clock: Clock;
}

/** A day, and a time if the task has one; with the usual days one press away. */
export function DueFields({ value, onChange, clock }: Props) {
  const id = useId();
  const { today, zone } = clock;
  const days = [
    { label: "Today", day: today },
    { label: "Tomorrow", day: addDays(today, 1) },
    { label: "Next week", day: nextMonday(today) },
  ];
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="sr-only">Due</legend>
      <div className="flex flex-wrap gap-1.5">
        {days.map(({ label, day }) => (
          <Button
            key={label}
            size="sm"
            aria-pressed={value.day === day}
            className="aria-pressed:border-accent aria-pressed:bg-accent-soft"
            onClick={() => onChange({ ...value, day })}
          >
            {label}
          </Button>
        ))}
        <Button
          size="sm"
          tone="ghost"
          disabled={value.day === ""}
          onClick={() => onChange({ day: "", time: "" })}
        >
          No date
        </Button>
      </div>
      <div className="flex gap-2">
        <div className="min-w-0 flex-[3]">
          <label htmlFor={`${id}-day`} className="text-muted text-xs">
            Day
          </label>
          <input
            id={`${id}-day`}
            type="date"
            value={value.day}
            max="2199-12-31"
            onChange={({ target }) =>
              onChange(target.value ? { ...value, day: target.value } : { day: "", time: "" })
            }
            className={cn(inputClass, "h-10")}
          />
        </div>
        <div className="min-w-0 flex-[2]">
          <label htmlFor={`${id}-time`} className="text-muted text-xs">
            Time, if any
          </label>
          <input
            id={`${id}-time`}
            type="time"
            value={value.time}
            onChange={({ target }) => onChange({ day: value.day || today, time: target.value })}
            className={cn(inputClass, "h-10")}
          />
        </div>
      </div>
      <p className="text-muted text-xs">In the time zone {zoneLabel(zone)}.</p>
    </fieldset>
  );
}
