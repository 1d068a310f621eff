"use client";

import { Ellipsis, Pencil, Trash2 } from "lucide-react";
import { IconButton } from "@/components/ui/icon-button";
import { Menu, MenuItem } from "@/components/ui/menu";
import type { Conversation } from "@/lib/api/types";
import { cn } from "@/lib/cn";
import type { Named } from "./chat-room";

interface Props {
  conversation: Conversation;
  current: boolean;
  onOpen: (conversationId: string) => void;
  onRename: (conversation: Named) => void;
  onDelete: (conversation: Named) => void;
}

/** A conversation in the list, and what can be done with it. */
export function ConversationRow({ conversation, current, onOpen, onRename, onDelete }: Props) {
  const { conversation_id, title } = conversation;
  return (
    <li
      className={cn(
        "group relative flex items-center rounded-md",
        current ? "bg-accent-soft" : "hover:bg-sunken",
      )}
    >
      <button
        type="button"
        aria-current={current || undefined}
        title={title}
        onClick={() => onOpen(conversation_id)}
        className={cn(
          "min-w-0 flex-1 rounded-md py-2 pl-3 text-left text-sm",
          current && "font-medium",
        )}
      >
        <span className="block truncate">{title}</span>
      </button>
      <Menu
        trigger={
          <IconButton
            label={`More for “${title}”`}
            title="More"
            icon={<Ellipsis />}
            size="sm"
            className="opacity-0 focus-visible:opacity-100 group-focus-within:opacity-100 group-hover:opacity-100 data-[state=open]:opacity-100 pointer-coarse:opacity-100"
          />
        }
      >
        <MenuItem icon={<Pencil />} onSelect={() => onRename(conversation)}>
          Rename
        </MenuItem>
        <MenuItem icon={<Trash2 />} danger onSelect={() => onDelete(conversation)}>
          Delete
        </MenuItem>
      </Menu>
    </li>
  );
}
