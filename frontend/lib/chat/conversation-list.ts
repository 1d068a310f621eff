import type { InfiniteData } from "@tanstack/react-query";
import type { Conversation, ConversationPage } from "@/lib/api/types";

export type ConversationPages = InfiniteData<ConversationPage>;

/** What the live feed says of a conversation. */
export interface ListUpdate {
  change: string;
  conversation_id: string;
  index?: number;
  title?: string;
}

/** The list after something happened to a conversation; the backend's own list follows later. */
export function withUpdate(
  pages: ConversationPages,
  update: ListUpdate,
  now: string,
): ConversationPages {
  const { change, conversation_id, index, title } = update;
  const known = find(pages, conversation_id);
  switch (change) {
    case "conversation.deleted":
      return without(pages, conversation_id);
    case "conversation.renamed":
      return known && title !== undefined
        ? onTop(pages, { ...known, title, updated_at: now })
        : pages;
    case "conversation.started": {
      if (known || title === undefined) return pages;
      const begun = { conversation_id, title, message_count: 0, created_at: now, updated_at: now };
      return onTop(pages, begun);
    }
    case "message.added": {
      if (!known) return pages;
      const message_count = Math.max(known.message_count, (index ?? -1) + 1);
      return onTop(pages, { ...known, message_count, updated_at: now });
    }
    default:
      return pages;
  }
}

/** Every conversation of the pages that were read, in their order. */
export function listed(pages: ConversationPages | undefined): Conversation[] {
  const seen = new Set<string>();
  const all = pages?.pages.flatMap((page) => page.items) ?? [];
  // One that moves up while pages are read may stand on two of them.
  return all.filter(({ conversation_id: id }) => !seen.has(id) && seen.add(id));
}

function find(pages: ConversationPages, id: string): Conversation | undefined {
  return listed(pages).find(({ conversation_id }) => conversation_id === id);
}

function without(pages: ConversationPages, id: string): ConversationPages {
  const rest = ({ conversation_id }: Conversation) => conversation_id !== id;
  return {
    ...pages,
    pages: pages.pages.map((page) => ({ ...page, items: page.items.filter(rest) })),
  };
}

function onTop(pages: ConversationPages, conversation: Conversation): ConversationPages {
  const [first = { items: [] }, ...rest] = without(pages, conversation.conversation_id).pages;
  return { ...pages, pages: [{ ...first, items: [conversation, ...first.items] }, ...rest] };
}
