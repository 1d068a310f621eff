"use client";

import { useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { Spinner } from "@/components/ui/spinner";
import { useSession } from "@/hooks/use-session";
import { askToErase, type Counts, erase } from "@/lib/person";
import { SIGN_IN, signOut } from "@/lib/sign-out";
import { count } from "@/lib/tasks/format";

/** What has to be typed, so that nobody erases themselves by a slip. */
const WORD = "erase";

/** Says what would be removed, and removes it once the person has typed the word. */
export function EraseDialog({ onClose }: { onClose: () => void }) {
  const { userId, email } = useSession();
  const [asked, setAsked] = useState<{ confirmation: string; counts: Counts } | null>(null);
  const [typed, setTyped] = useState("");
  const [working, setWorking] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    askToErase(userId)
      .then((answer) => {
        if (answer.state !== "unconfirmed") return signOut();
        setAsked({ confirmation: answer.confirmation, counts: answer.would_remove });
      })
      .catch((error: Error) => setProblem(error.message));
  }, [userId]);

  async function go() {
    if (!asked) return;
    setWorking(true);
    setProblem(null);
    try {
      await erase(userId, asked.confirmation);
      // The session is gone with the account: a refusal to end it is none.
      await signOut().catch(() => location.assign(SIGN_IN));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : "That did not work. Try again.");
      setWorking(false);
    }
  }

  const counts = asked?.counts;
  return (
    <Dialog
      open
      onOpenChange={(open) => open || working || onClose()}
      size="sm"
      title="Erase everything?"
      description={`The account ${email} and all that belongs to it will be removed. This cannot be undone.`}
      footer={
        <>
          <Button onClick={onClose} disabled={working}>
            Keep my account
          </Button>
          <Button
            tone="danger"
            type="submit"
            form="erase"
            busy={working}
            disabled={!asked || typed.trim().toLowerCase() !== WORD}
          >
            Erase everything
          </Button>
        </>
      }
    >
      <form
        id="erase"
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.trim().toLowerCase() === WORD) void go();
        }}
      >
        {problem && <Notice tone="danger">{problem}</Notice>}
        {counts ? (
          <ul className="list-disc pl-5 text-sm">
            <li>{count(counts.tasks, "task")}</li>
            <li>
              {count(counts.conversations, "conversation")} with {count(counts.messages, "message")}
            </li>
            <li>{count(counts.activity, "line")} of activity</li>
            {counts.push_subscriptions > 0 && (
              <li>Notifications in {count(counts.push_subscriptions, "browser")}</li>
            )}
          </ul>
        ) : (
          !problem && (
            <p role="status" className="flex items-center gap-2 text-muted text-sm">
              <Spinner /> Looking what there is
            </p>
          )
        )}
        <Field label={`Type “${WORD}” to go on`}>
          {(ids) => (
            <Input
              {...ids}
              value={typed}
              onChange={({ target }) => setTyped(target.value)}
              autoComplete="off"
              autoCapitalize="off"
              disabled={!asked || working}
            />
          )}
        </Field>
      </form>
    </Dialog>
  );
}
