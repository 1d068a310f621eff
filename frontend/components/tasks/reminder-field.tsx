"use client";

import { useId } from "react";
import { Select } from "@/components/ui/field";
import type { DueFields } from "@/lib/tasks/due";
import { offsetLabel } from "@/lib/tasks/format";

const OFFSETS = [0, 5, 10, 30, 60, 120, 1_440, 2_880, 10_080];

interface Props {
  offset: number;
  onChange: (offset: number) => void;
  due: DueFields;
}

/** When to remind: at the due moment or some time ahead; of a day, at nine in the morning. */
export function ReminderField({ offset, onChange, due }: Props) {
  const id = useId();
  const offered = OFFSETS.includes(offset) ? OFFSETS : [...OFFSETS, offset].sort((a, b) => a - b);
  const label = (minutes: number) =>
    minutes === 0 && due.time === "" ? "On the day, at 9:00" : offsetLabel(minutes);
  return (
    <div className="min-w-0 flex-1">
      <label htmlFor={id} className="text-muted text-xs">
        Reminder
      </label>
      <Select
        id={id}
        value={String(offset)}
        disabled={due.day === ""}
        onChange={({ target }) => onChange(Number(target.value))}
      >
        {due.day === "" ? (
          <option value={String(offset)}>None without a date</option>
        ) : (
          offered.map((minutes) => (
            <option key={minutes} value={String(minutes)}>
              {label(minutes)}
            </option>
          ))
        )}
      </Select>
    </div>
  );
}
