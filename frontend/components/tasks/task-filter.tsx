"use client";

import { ListFilter, Search, X } from "lucide-react";
import { useId, useRef } from "react";
import { Field, Select } from "@/components/ui/field";
import { IconButton } from "@/components/ui/icon-button";
import { Popover } from "@/components/ui/popover";
import type { Priority } from "@/lib/api/types";
import { cn } from "@/lib/cn";
import { type Filter, NO_FILTER } from "@/lib/tasks/views";

interface Props {
  filter: Filter;
  onChange: (filter: Filter) => void;
  tags: string[];
}

/** Narrows the list by words, tag and priority. */
export function TaskFilter({ filter, onChange, tags }: Props) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const narrowed = filter.tag !== null || filter.priority !== null;
  const change = (part: Partial<Filter>) => {
    const next = { ...filter, ...part };
    const nothing = !next.search && next.tag === null && next.priority === null;
    onChange(nothing ? NO_FILTER : next);
  };
  return (
    <div className="flex items-center gap-1">
      <div className="relative min-w-0 flex-1">
        <Search
          aria-hidden
          className="pointer-events-none absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-muted"
        />
        <label htmlFor={id} className="sr-only">
          Search tasks
        </label>
        <input
          ref={input}
          id={id}
          type="search"
          value={filter.search}
          placeholder="Search tasks"
          autoComplete="off"
          maxLength={200}
          onChange={(event) => change({ search: event.target.value })}
          className={cn(
            "h-9 w-full rounded-md border border-transparent bg-transparent pr-8 pl-9 text-base hover:bg-sunken focus-visible:bg-surface sm:text-sm",
            "[&::-webkit-search-cancel-button]:hidden",
          )}
        />
        {filter.search && (
          <IconButton
            label="Clear the search"
            icon={<X />}
            size="sm"
            className="absolute top-0.5 right-0.5"
            onClick={() => {
              change({ search: "" });
              input.current?.focus();
            }}
          />
        )}
      </div>
      <Popover
        label="Filter"
        align="end"
        className="flex w-60 flex-col gap-3"
        trigger={
          <IconButton
            label={narrowed ? "Filter: on" : "Filter"}
            icon={<ListFilter />}
            size="sm"
            className={cn(narrowed && "bg-accent-soft text-accent hover:text-accent")}
          />
        }
      >
        <Field label="Priority">
          {(ids) => (
            <Select
              {...ids}
              value={filter.priority ?? ""}
              onChange={({ target }) => change({ priority: (target.value || null) as Priority })}
            >
              <option value="">Any</option>
              <option value="high">High</option>
              <option value="normal">Normal</option>
              <option value="low">Low</option>
            </Select>
          )}
        </Field>
        <Field label="Tag">
          {(ids) => (
            <Select
              {...ids}
              value={filter.tag ?? ""}
              onChange={({ target }) => change({ tag: target.value || null })}
            >
              <option value="">Any</option>
              {tags.map((tag) => (
                <option key={tag} value={tag}>
                  {tag}
                </option>
              ))}
              {filter.tag && !tags.includes(filter.tag) && (
                <option value={filter.tag}>{filter.tag}</option>
              )}
            </Select>
          )}
        </Field>
      </Popover>
    </div>
  );
}
