"use client";

import { useId } from "react";
import { Input, Select } from "@/components/ui/field";
import { addDays, type Day } from "@/lib/tasks/days";
import { type End, type Repeat, ruleOf, type Unit, WEEKDAY_NAMES } from "@/lib/tasks/recurrence";

interface Props {
  repeat: Repeat;
  onChange: (rule: string) => void;
  /** Of the due day, 0 for Monday. */
  weekday: number;
  day: Day;
}

/** A rule in its parts: how often, on which days, until when. */
export function RepeatCustom({ repeat, onChange, weekday, day }: Props) {
  const id = useId();
  const change = (part: Partial<Repeat>) => onChange(ruleOf({ ...repeat, ...part }));
  const setUnit = (unit: Unit) =>
    change({
      unit,
      weekdays: unit === "week" ? [weekday] : [],
      // The day of the month and the month are those of the due day.
      monthDay: null,
      month: null,
    });
  const toggle = (on: number) => {
    const days = repeat.weekdays.includes(on)
      ? repeat.weekdays.filter((each) => each !== on)
      : [...repeat.weekdays, on];
    if (days.length > 0) change({ weekdays: days });
  };
  const setEnd = (kind: End["kind"]) => {
    if (kind === "never") change({ end: { kind } });
    else if (kind === "until") change({ end: { kind, day: addDays(day, 90) } });
    else change({ end: { kind, count: 10 } });
  };
  const plural = repeat.interval === 1 ? "" : "s";
  return (
    <div className="flex flex-col gap-3 rounded-md bg-sunken p-3">
      <div className="flex items-center gap-2 text-sm">
        <label htmlFor={`${id}-interval`}>Every</label>
        <Input
          id={`${id}-interval`}
          type="number"
          min={1}
          max={999}
          value={repeat.interval}
          onChange={({ target }) =>
            change({ interval: Math.min(999, Math.max(1, Math.floor(Number(target.value)) || 1)) })
          }
          className="w-20"
        />
        <Select
          aria-label="Unit"
          value={repeat.unit}
          onChange={({ target }) => setUnit(target.value as Unit)}
        >
          <option value="day">day{plural}</option>
          <option value="week">week{plural}</option>
          <option value="month">month{plural}</option>
          <option value="year">year{plural}</option>
        </Select>
      </div>
      {repeat.unit === "week" && (
        <fieldset>
          <legend className="sr-only">On</legend>
          <div className="flex flex-wrap gap-1">
            {WEEKDAY_NAMES.map((name, n) => (
              <button
                key={name}
                type="button"
                aria-pressed={repeat.weekdays.includes(n)}
                aria-label={name}
                onClick={() => toggle(n)}
                className="size-9 rounded-full border border-line-strong bg-surface text-xs aria-pressed:border-accent aria-pressed:bg-accent aria-pressed:text-on-accent"
              >
                {name.slice(0, 2)}
              </button>
            ))}
          </div>
        </fieldset>
      )}
      {repeat.unit === "month" && (
        <label className="flex items-center gap-2 text-sm">
          <input
            type="checkbox"
            checked={repeat.monthDay === -1}
            onChange={({ target }) => change({ monthDay: target.checked ? -1 : null })}
            className="size-5 accent-accent"
          />
          On the last day of the month
        </label>
      )}
      <div className="flex flex-wrap items-center gap-2 text-sm">
        <label htmlFor={`${id}-end`}>Ends</label>
        <Select
          id={`${id}-end`}
          value={repeat.end.kind}
          onChange={({ target }) => setEnd(target.value as End["kind"])}
          className="w-auto"
        >
          <option value="never">never</option>
          <option value="until">on a day</option>
          <option value="count">after some times</option>
        </Select>
        {repeat.end.kind === "until" && (
          <Input
            type="date"
            aria-label="Last day"
            min={day}
            value={repeat.end.day}
            onChange={({ target }) =>
              target.value && change({ end: { kind: "until", day: target.value } })
            }
            className="w-40"
          />
        )}
        {repeat.end.kind === "count" && (
          <Input
            type="number"
            aria-label="How many times"
            min={1}
            max={999}
            value={repeat.end.count}
            onChange={({ target }) => {
              const count = Math.min(999, Math.max(1, Math.floor(Number(target.value)) || 1));
              change({ end: { kind: "count", count } });
            }}
            className="w-20"
          />
        )}
      </div>
    </div>
  );
}
