import type { ComponentProps } from "react";
import { cn } from "@/lib/cn";
import { Spinner } from "./spinner";

export type ButtonTone = "primary" | "secondary" | "ghost" | "danger";

export interface ButtonProps extends ComponentProps<"button"> {
  tone?: ButtonTone;
  size?: "sm" | "md";
  /** Shows that it works, and keeps it from being pressed again. */
  busy?: boolean;
}

const TONES: Record<ButtonTone, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong",
  secondary: "border border-line bg-surface text-ink hover:bg-sunken",
  ghost: "text-muted hover:bg-sunken hover:text-ink",
  danger: "border border-danger text-danger hover:bg-danger-soft",
};

const SIZES = {
  sm: "h-8 gap-1.5 rounded-sm px-2.5 text-sm",
  md: "h-10 gap-2 rounded-md px-4 text-sm",
};

/** A button with words. */
export function Button({
  tone = "secondary",
  size = "md",
  busy = false,
  className,
  children,
  disabled,
  type = "button",
  ...rest
}: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      className={cn(
        "inline-flex shrink-0 select-none items-center justify-center whitespace-nowrap font-medium transition-colors",
        "disabled:cursor-not-allowed disabled:opacity-60",
        TONES[tone],
        SIZES[size],
        className,
      )}
    >
      {busy && <Spinner />}
      {children}
    </button>
  );
}
