import { cn } from "@/lib/cn";

/** The mark: a speech bubble that is a tick. */
export function Mark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" className={cn("shrink-0", className)}>
      <path
        className="fill-accent"
        d="M9 3h14a7 7 0 0 1 7 7v8a7 7 0 0 1-7 7h-7.5l-5.3 4.4c-.8.7-2.2.1-2.2-1V25A7 7 0 0 1 2 18v-8a7 7 0 0 1 7-7Z"
      />
      <path
        className="fill-none stroke-on-accent"
        strokeWidth="3"
        strokeLinecap="round"
        strokeLinejoin="round"
        d="m10 14.5 4 4 8-8.5"
      />
    </svg>
  );
}
