"use client";

import dynamic from "next/dynamic";
import { useEffect, useRef, useState } from "react";
import { useWorkspace } from "@/components/shell/workspace";
import { useCardUndo } from "@/hooks/use-card-undo";
import { useChatSessions } from "@/hooks/use-chat-sessions";
import { useConversationUpdates } from "@/hooks/use-conversations";
import { usePageKeys } from "@/hooks/use-page-keys";
import { usePreload } from "@/hooks/use-preload";
import { useSelection } from "@/hooks/use-selection";
import type { Conversation } from "@/lib/api/types";
import type { ComposerHandle } from "./composer";
import { ConversationList } from "./conversation-list";
import { StuckElsewhere } from "./stuck-elsewhere";
import { Thread } from "./thread";

const drawer = () => import("./conversation-drawer");
const rename = () => import("./rename-dialog");
const deletion = () => import("./delete-dialog");
const shortcuts = () => import("./shortcuts-dialog");
const laterParts = () => [drawer(), rename(), deletion(), shortcuts()];

const ConversationDrawer = dynamic(() => drawer().then((module) => module.ConversationDrawer));
const RenameDialog = dynamic(() => rename().then((module) => module.RenameDialog));
const DeleteDialog = dynamic(() => deletion().then((module) => module.DeleteDialog));
const ShortcutsDialog = dynamic(() => shortcuts().then((module) => module.ShortcutsDialog));

/** What a conversation can be asked to become; by its id and present title. */
export type Named = Pick<Conversation, "conversation_id" | "title">;

type Open =
  | { dialog: "drawer" | "shortcuts" }
  | { dialog: "rename" | "delete"; conversation: Named };

/** The conversations and the one that is open, with what opens over them. */
export function ChatRoom() {
  const sessions = useChatSessions();
  const { session, open, openNew, show: showSession } = useSelection(sessions);
  const { view, show } = useWorkspace();
  const undo = useCardUndo();
  const composer = useRef<ComposerHandle>(null);
  const carried = useRef("");
  const [over, setOver] = useState<Open>();
  useConversationUpdates();
  usePreload(laterParts);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another session has another box
  useEffect(() => {
    if (carried.current) composer.current?.put(carried.current);
    carried.current = "";
  }, [session]);

  const close = () => setOver(undefined);
  const focusComposer = () => {
    // At once if it can be, or what is typed next would be lost.
    composer.current?.focus();
    if (view !== "chat") show("chat");
    // Once what is opened now is there.
    requestAnimationFrame(() => composer.current?.focus());
  };
  usePageKeys((key) => {
    if (key === "/") focusComposer();
    else if (key === "?") setOver({ dialog: "shortcuts" });
    else return false;
    return true;
  });

  const actions = {
    onOpen: (id: string) => {
      open(id);
      close();
      focusIfKeyboard(() => focusComposer());
    },
    onNew: (text = "") => {
      carried.current = text;
      openNew();
      close();
      focusComposer();
    },
    onRename: (conversation: Named) => setOver({ dialog: "rename", conversation }),
    onDelete: (conversation: Named) => setOver({ dialog: "delete", conversation }),
  };
  const onDeleted = (id: string) => {
    sessions.heard({ conversation_id: id, change: "conversation.deleted" });
    sessions.open(id).takeAll();
    if (session.state().conversationId === id) openNew();
    close();
    focusComposer();
  };

  return (
    <>
      <aside
        aria-label="Conversations"
        className="hidden w-64 shrink-0 flex-col border-line border-r bg-surface @4xl:flex"
      >
        <ConversationList current={session} {...actions} />
      </aside>
      <Thread
        key={session.threadId}
        ref={composer}
        session={session}
        undo={undo}
        onShowList={() => setOver({ dialog: "drawer" })}
        onShowShortcuts={() => setOver({ dialog: "shortcuts" })}
        {...actions}
      >
        <StuckElsewhere sessions={sessions} shown={session} onShow={showSession} />
      </Thread>
      {over?.dialog === "drawer" && (
        <ConversationDrawer onClose={close}>
          <ConversationList current={session} {...actions} />
        </ConversationDrawer>
      )}
      {over?.dialog === "rename" && (
        <RenameDialog conversation={over.conversation} onClose={close} />
      )}
      {over?.dialog === "delete" && (
        <DeleteDialog conversation={over.conversation} onDeleted={onDeleted} onClose={close} />
      )}
      {over?.dialog === "shortcuts" && <ShortcutsDialog onClose={close} />}
    </>
  );
}

/** On a touch screen the keyboard would cover what was just opened. */
function focusIfKeyboard(focus: () => void) {
  if (matchMedia("(pointer: fine)").matches) focus();
}
