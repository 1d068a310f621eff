"use client";

import { useId, useState } from "react";
import { Dialog } from "@/components/ui/dialog";
import { Kbd } from "@/components/ui/kbd";
import { Switch } from "@/components/ui/switch";
import {
  CHAT_SHORTCUTS,
  PAGE_SHORTCUTS,
  type Shortcut,
  setSingleKeys,
  singleKeysOn,
} from "@/lib/chat/shortcuts";
import { TASK_SHORTCUTS } from "@/lib/tasks/shortcuts";

/** What the keyboard can do, and whether keys work alone wherever the focus is. */
export function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const [on, setOn] = useState(singleKeysOn);
  const id = useId();
  return (
    <Dialog open onOpenChange={(open) => open || onClose()} title="Keyboard shortcuts">
      <div className="flex flex-col gap-5 pb-3">
        <div className="flex flex-col gap-3">
          <Shortcuts title="Everywhere" shortcuts={PAGE_SHORTCUTS} />
          <div className="flex items-center gap-4 text-sm">
            <div className="flex-1">
              <p id={`${id}-label`} className="font-medium">
                {`Use ${PAGE_SHORTCUTS.flatMap(({ keys }) => keys).join(" and ")}`}
              </p>
              <p id={`${id}-hint`} className="text-muted">
                Turn them off if keys are pressed by mistake, or by dictation.
              </p>
            </div>
            <Switch
              aria-labelledby={`${id}-label`}
              aria-describedby={`${id}-hint`}
              checked={on}
              onChange={(next) => {
                setSingleKeys(next);
                setOn(next);
              }}
            />
          </div>
        </div>
        <Shortcuts title="In the message box" shortcuts={CHAT_SHORTCUTS} />
        <Shortcuts title="On a task" shortcuts={TASK_SHORTCUTS} />
      </div>
    </Dialog>
  );
}

function Shortcuts({ title, shortcuts }: { title: string; shortcuts: readonly Shortcut[] }) {
  return (
    <section>
      <h3 className="mb-2 font-medium text-muted text-sm">{title}</h3>
      <dl className="flex flex-col gap-2 text-sm">
        {shortcuts.map(({ keys, label }) => (
          <div key={label} className="flex items-center gap-4">
            <dt className="flex w-28 shrink-0 flex-wrap gap-1">
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dt>
            <dd className="flex-1">{label}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
