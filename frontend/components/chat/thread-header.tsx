"use client";

import { Ellipsis, PanelLeft, Pencil, SquarePen, Trash2 } from "lucide-react";
import { IconButton } from "@/components/ui/icon-button";
import { Menu, MenuItem } from "@/components/ui/menu";
import { useConversations } from "@/hooks/use-conversations";
import type { Named } from "./chat-room";

interface Props {
  conversationId: string | undefined;
  onShowList: () => void;
  onNew: () => void;
  onRename: (conversation: Named) => void;
  onDelete: (conversation: Named) => void;
}

/** Which conversation it is, and the way to the others. */
export function ThreadHeader({ conversationId, onShowList, onNew, onRename, onDelete }: Props) {
  const { conversations } = useConversations("");
  const listed = conversations.find((each) => each.conversation_id === conversationId);
  const title = conversationId ? (listed?.title ?? "Conversation") : "New conversation";
  const named = conversationId && { conversation_id: conversationId, title };
  return (
    <header className="flex h-13 shrink-0 items-center gap-1 border-line border-b px-2 @4xl:pl-5">
      <IconButton
        label="Conversations"
        icon={<PanelLeft />}
        onClick={onShowList}
        className="@4xl:hidden"
      />
      <h2 className="min-w-0 flex-1 truncate font-medium" title={title}>
        {title}
      </h2>
      {named && (
        <Menu trigger={<IconButton label="More for this conversation" icon={<Ellipsis />} />}>
          <MenuItem icon={<Pencil />} onSelect={() => onRename(named)}>
            Rename
          </MenuItem>
          <MenuItem icon={<Trash2 />} danger onSelect={() => onDelete(named)}>
            Delete
          </MenuItem>
        </Menu>
      )}
      <IconButton
        label="New conversation"
        icon={<SquarePen />}
        onClick={onNew}
        className="@4xl:hidden"
      />
    </header>
  );
}
