import { ShieldQuestion } from "lucide-react";
import { Notice } from "@/components/ui/notice";

/** What has to be typed before something is deleted for good measure. */
export function Confirmation({ phrase }: { phrase: string }) {
  return (
    <Notice
      tone="warning"
      icon={<ShieldQuestion aria-hidden className="mt-0.5 size-4 shrink-0 text-warning" />}
    >
      Type{" "}
      <strong className="select-all rounded-sm bg-surface px-1.5 py-0.5 font-mono">{phrase}</strong>{" "}
      to delete them. Say anything else to keep them.
    </Notice>
  );
}
