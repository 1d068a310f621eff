"use client";

import { useId, useState } from "react";
import { inputClass, Select } from "@/components/ui/field";
import type { Recurrence } from "@/lib/api/types";
import { cn } from "@/lib/cn";
import { type Day, weekday } from "@/lib/tasks/days";
import { presets, repeatOf } from "@/lib/tasks/recurrence";
import { RepeatCustom } from "./repeat-custom";

interface Props {
  /** The RRULE as chosen; null when it does not repeat. */
  rule: string | null;
  onChange: (rule: string | null) => void;
  /** The series the task is in. */
  known: Recurrence | null;
  /** The day the task is due, or today. */
  day: Day;
}

/** How a task repeats: one of the usual ways, or put together. */
export function RepeatField({ rule, onChange, known, day }: Props) {
  const id = useId();
  const [custom, setCustom] = useState(false);
  const offered = presets(day);
  if (known && !offered.some((preset) => preset.rule === known.rule)) {
    const words = known.words.charAt(0).toUpperCase() + known.words.slice(1);
    offered.unshift({ label: words, rule: known.rule });
  }
  const listed = rule === null || offered.some((preset) => preset.rule === rule);
  const choice = custom || !listed ? "custom" : (rule ?? "");
  return (
    <div className="flex flex-col gap-2">
      <label htmlFor={id} className="text-muted text-xs">
        Repeats
      </label>
      <Select
        id={id}
        value={choice}
        onChange={({ target }) => {
          setCustom(target.value === "custom");
          if (target.value !== "custom") onChange(target.value || null);
          else if (rule === null) onChange("FREQ=DAILY;INTERVAL=2");
        }}
        className={cn(inputClass, "-mt-1.5")}
      >
        <option value="">Does not repeat</option>
        {offered.map((preset) => (
          <option key={preset.rule} value={preset.rule}>
            {preset.label}
          </option>
        ))}
        <option value="custom">Another way…</option>
      </Select>
      {choice === "custom" && rule !== null && (
        <RepeatCustom
          repeat={repeatOf(rule)}
          onChange={onChange}
          weekday={weekday(day)}
          day={day}
        />
      )}
    </div>
  );
}
