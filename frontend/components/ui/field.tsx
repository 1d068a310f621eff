"use client";

import { type ComponentProps, type ReactNode, useId } from "react";
import { cn } from "@/lib/cn";

/** The look of everything that text is typed into. */
export const inputClass = cn(
  "w-full rounded-md border border-line-strong bg-surface px-3 text-ink text-base transition-colors sm:text-sm",
  "hover:border-muted focus-visible:outline-2 focus-visible:outline-accent focus-visible:outline-offset-0",
  "aria-invalid:border-danger disabled:cursor-not-allowed disabled:opacity-60",
);

/** A one-line input without a label of its own. */
export function Input({ className, ...rest }: ComponentProps<"input">) {
  return <input {...rest} className={cn(inputClass, "h-10", className)} />;
}

/** The browser's own select, in our look. */
export function Select({ className, ...rest }: ComponentProps<"select">) {
  return <select {...rest} className={cn(inputClass, "h-10", className)} />;
}

interface FieldIds {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": true | undefined;
}

interface FieldProps {
  label: string;
  hint?: ReactNode;
  /** What is wrong with the value. */
  error?: string;
  className?: string;
  /** The control; it gets the ids that tie it to its label and messages. */
  children: (ids: FieldIds) => ReactNode;
}

/** A label, its control, a hint and an error. */
export function Field({ label, hint, error, className, children }: FieldProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div className={cn("flex flex-col gap-1.5", className)}>
      <label htmlFor={id} className="font-medium text-ink text-sm">
        {label}
      </label>
      {children({
        id,
        "aria-describedby": described || undefined,
        "aria-invalid": error ? true : undefined,
      })}
      {hint && (
        <p id={`${id}-hint`} className="text-muted text-sm">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} className="text-danger text-sm">
          {error}
        </p>
      )}
    </div>
  );
}
