import type { ReactNode } from "react";
import { cn } from "@/lib/cn";

export type NoticeTone = "info" | "success" | "warning" | "danger";

const TONES: Record<NoticeTone, string> = {
  info: "bg-accent-soft text-ink",
  success: "bg-success-soft text-ink",
  warning: "bg-warning-soft text-ink",
  danger: "bg-danger-soft text-ink",
};

interface Props {
  tone?: NoticeTone;
  icon?: ReactNode;
  className?: string;
  children: ReactNode;
}

/** A message that stands in the page, such as why a form was refused. */
export function Notice({ tone = "info", icon, className, children }: Props) {
  return (
    <div
      role={tone === "danger" ? "alert" : "status"}
      className={cn(
        "flex items-start gap-2.5 rounded-md px-3.5 py-3 text-sm",
        TONES[tone],
        className,
      )}
    >
      {icon}
      <div className="min-w-0 flex-1">{children}</div>
    </div>
  );
}
