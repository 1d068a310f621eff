import { chatPrefix, keep } from "./storage";

type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** What is typed and not sent, for each conversation; it survives a reload. */
export class Drafts {
  readonly #store: Store | undefined;
  readonly #prefix: string;

  constructor(userId: string, store: Store | undefined) {
    this.#store = store;
    this.#prefix = `${chatPrefix(userId)}draft/`;
  }

  /** The draft of a conversation; that of a new one without an id. */
  read(conversationId: string | undefined): string {
    return this.#store?.getItem(this.#name(conversationId)) ?? "";
  }

  write(conversationId: string | undefined, text: string): void {
    // Where nothing is kept only a reload would lose it.
    keep(this.#store, this.#name(conversationId), text || undefined);
  }

  #name(conversationId: string | undefined): string {
    return this.#prefix + (conversationId ?? "");
  }
}
