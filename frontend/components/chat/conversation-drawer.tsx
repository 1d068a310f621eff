"use client";

import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { IconButton } from "@/components/ui/icon-button";

interface Props {
  onClose: () => void;
  children: ReactNode;
}

/** The conversations at the side, where there is no room for them beside the chat. */
export function ConversationDrawer({ onClose, children }: Props) {
  return (
    <Radix.Root open onOpenChange={(open) => open || onClose()}>
      <Radix.Portal>
        <Radix.Overlay className="overlay fixed inset-0 z-40" />
        <Radix.Content
          aria-describedby={undefined}
          className="popup fixed inset-y-0 left-0 z-50 flex w-80 max-w-[85vw] flex-col bg-surface shadow-floating"
        >
          <header className="flex items-center gap-2 pt-3 pr-3 pl-4">
            <Radix.Title className="flex-1 font-semibold">Conversations</Radix.Title>
            <Radix.Close asChild>
              <IconButton label="Close" icon={<X />} size="sm" />
            </Radix.Close>
          </header>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
