"use client";

import { Download, Trash2 } from "lucide-react";
import dynamic from "next/dynamic";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { useSession } from "@/hooks/use-session";
import { saveExport } from "@/lib/person";
import { Section } from "./section";

const EraseDialog = dynamic(() => import("./erase-dialog").then((module) => module.EraseDialog), {
  ssr: false,
});

/** Everything that is known of the person: to keep, or to remove. */
export function DataSection() {
  const { userId } = useSession();
  const [saving, setSaving] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [erasing, setErasing] = useState(false);

  async function save() {
    setSaving(true);
    setProblem(null);
    try {
      await saveExport(userId);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : "Try again.");
    }
    setSaving(false);
  }

  return (
    <Section
      title="Your data"
      detail="Your account, tasks, conversations and activity, in one JSON file."
    >
      {problem && <Notice tone="danger">The file could not be made. {problem}</Notice>}
      <Button className="self-start" busy={saving} onClick={save}>
        {!saving && <Download aria-hidden className="size-4" />}
        Download my data
      </Button>
      <div className="flex flex-col items-start gap-3 border-line border-t pt-4">
        <div>
          <h3 className="font-medium text-sm">Erase everything</h3>
          <p className="text-muted text-sm">
            Removes your account and all that belongs to it, for good.
          </p>
        </div>
        <Button tone="danger" onClick={() => setErasing(true)}>
          <Trash2 aria-hidden className="size-4" />
          Erase my account
        </Button>
      </div>
      {erasing && <EraseDialog onClose={() => setErasing(false)} />}
    </Section>
  );
}
