"use client";

import { type FormEvent, useId, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { useConversationActions } from "@/hooks/use-conversations";
import type { Named } from "./chat-room";

/** Longest title, in characters. */
const LONGEST = 100;

interface Props {
  conversation: Named;
  onClose: () => void;
}

/** Gives a conversation another title. */
export function RenameDialog({ conversation, onClose }: Props) {
  const { rename } = useConversationActions();
  const [title, setTitle] = useState(conversation.title);
  const form = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const { conversation_id } = conversation;
    rename.mutate({ conversation_id, title: title.trim() }, { onSuccess: onClose });
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose()}
      title="Rename conversation"
      size="sm"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            tone="primary"
            type="submit"
            form={form}
            busy={rename.isPending}
            disabled={title.trim() === ""}
          >
            Rename
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit}>
        <Field label="Title" error={rename.error?.message}>
          {(ids) => (
            <Input
              {...ids}
              value={title}
              maxLength={LONGEST}
              onChange={(event) => setTitle(event.target.value)}
              onFocus={(event) => event.target.select()}
            />
          )}
        </Field>
      </form>
    </Dialog>
  );
}
