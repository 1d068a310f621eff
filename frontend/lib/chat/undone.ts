import { chatPrefix } from "./storage";

/** Most cards that are remembered. */
const REMEMBERED = 200;

/** The cards whose change was taken back in this browser; they stay so over a reload. */
export class UndoneCards {
  readonly #store: Pick<Storage, "getItem" | "setItem"> | undefined;
  readonly #name: string;

  constructor(userId: string, store: Pick<Storage, "getItem" | "setItem"> | undefined) {
    this.#store = store;
    this.#name = `${chatPrefix(userId)}undone`;
  }

  /** The cards' names; see `cardName`. */
  read(): Set<string> {
    return new Set((this.#store?.getItem(this.#name) ?? "").split(" ").filter(Boolean));
  }

  add(card: string): void {
    const cards = [...this.read().add(card)].slice(-REMEMBERED);
    try {
      this.#store?.setItem(this.#name, cards.join(" "));
    } catch {
      // Full, or not allowed: after a reload Undo is offered again, and refused.
    }
  }
}
