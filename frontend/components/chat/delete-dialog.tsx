"use client";

import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Notice } from "@/components/ui/notice";
import { useConversationActions } from "@/hooks/use-conversations";
import type { Named } from "./chat-room";

interface Props {
  conversation: Named;
  onDeleted: (conversationId: string) => void;
  onClose: () => void;
}

/** Asks before a conversation is deleted. */
export function DeleteDialog({ conversation, onDeleted, onClose }: Props) {
  const { remove } = useConversationActions();
  const { conversation_id, title } = conversation;
  return (
    <Dialog
      open
      onOpenChange={(open) => open || onClose()}
      title="Delete this conversation?"
      description={`“${title}” and all its messages are deleted for good. Your tasks stay.`}
      size="sm"
      footer={
        <>
          <Button onClick={onClose}>Keep it</Button>
          <Button
            tone="danger"
            busy={remove.isPending}
            onClick={() =>
              remove.mutate(conversation_id, { onSuccess: () => onDeleted(conversation_id) })
            }
          >
            Delete
          </Button>
        </>
      }
    >
      {remove.error && <Notice tone="danger">{remove.error.message}</Notice>}
    </Dialog>
  );
}
