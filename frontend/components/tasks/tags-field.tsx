"use client";

import { X } from "lucide-react";
import { useId } from "react";
import { inputClass } from "@/components/ui/field";
import { cn } from "@/lib/cn";
import { withTags } from "@/lib/tasks/edit";

interface Props {
  tags: string[];
  onChange: (tags: string[]) => void;
  /** What is typed and no tag yet. */
  typed: string;
  onType: (typed: string) => void;
  error?: string;
}

/** Tags as words that can be taken away; Enter or a comma adds what is typed. */
export function TagsField({ tags, onChange, typed, onType, error }: Props) {
  const id = useId();
  const take = (text: string) => {
    onChange(withTags(tags, text));
    onType("");
  };
  return (
    <div className="flex flex-col gap-0.5">
      <label htmlFor={id} className="text-muted text-xs">
        Tags
      </label>
      <div
        className={cn(
          inputClass,
          "flex min-h-10 flex-wrap items-center gap-1 py-1 has-[input:focus-visible]:outline-2",
        )}
      >
        {tags.map((tag) => (
          <span
            key={tag}
            className="inline-flex h-7 max-w-full items-center rounded-full bg-sunken pl-2.5 text-sm"
          >
            <span className="truncate">{tag}</span>
            <button
              type="button"
              aria-label={`Remove the tag ${tag}`}
              onClick={() => onChange(tags.filter((each) => each !== tag))}
              className="flex size-7 shrink-0 items-center justify-center rounded-full text-muted hover:text-ink"
            >
              <X aria-hidden className="size-3.5" />
            </button>
          </span>
        ))}
        <input
          id={id}
          value={typed}
          maxLength={100}
          autoComplete="off"
          aria-invalid={error ? true : undefined}
          aria-describedby={error ? `${id}-error` : undefined}
          onChange={({ target }) => (target.value.includes(",") ? take : onType)(target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && typed.trim() && !event.nativeEvent.isComposing) {
              event.preventDefault();
              take(typed);
            } else if (event.key === "Backspace" && typed === "" && tags.length > 0) {
              onChange(tags.slice(0, -1));
            }
          }}
          className="h-7 min-w-24 flex-1 bg-transparent outline-none"
        />
      </div>
      {error && (
        <p id={`${id}-error`} className="text-danger text-sm">
          {error}
        </p>
      )}
    </div>
  );
}
