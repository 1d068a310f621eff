import type { ComponentProps, ReactNode } from "react";
import { cn } from "@/lib/cn";

export interface IconButtonProps extends Omit<ComponentProps<"button">, "children" | "aria-label"> {
  /** What it does, for everybody who does not see the icon; also its tooltip. */
  label: string;
  /** A lucide icon; 18 px unless it says otherwise. */
  icon: ReactNode;
  size?: "sm" | "md";
  tone?: "ghost" | "primary";
}

/** A button that is only an icon. */
export function IconButton({
  label,
  icon,
  size = "md",
  tone = "ghost",
  className,
  type = "button",
  title = label,
  ...rest
}: IconButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      aria-label={label}
      title={title}
      className={cn(
        "inline-flex shrink-0 items-center justify-center rounded-md transition-colors",
        "disabled:cursor-not-allowed disabled:opacity-50 [&_svg]:pointer-events-none",
        size === "sm" ? "size-8 [&_svg]:size-4" : "size-10 [&_svg]:size-[18px]",
        tone === "primary"
          ? "bg-accent text-on-accent hover:bg-accent-strong"
          : "text-muted hover:bg-sunken hover:text-ink",
        className,
      )}
    >
      {icon}
    </button>
  );
}
