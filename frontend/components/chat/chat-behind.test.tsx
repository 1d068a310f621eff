// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SessionProvider } from "@/hooks/use-session";
import { Outbox } from "@/lib/chat/outbox";
import { ChatBehind } from "./chat-behind";
// What is loaded later is there by then: a test's time is too short for it.
import "./chat-keeper";

const page = vi.hoisted(() => ({ path: "", sent: [] as string[] }));
vi.mock("next/navigation", () => ({ usePathname: () => page.path }));
vi.mock("@/components/live-provider", () => ({
  useConnection: () => "online",
  useLiveEvents: () => {},
}));
vi.mock("@/lib/chat/transport", () => ({
  TurnTransport: class {
    readonly #turn: () => { key: string };
    constructor({ turn }: { turn: () => { key: string } }) {
      this.#turn = turn;
    }
    async reconnectToStream() {
      page.sent.push(this.#turn().key);
      // An answer that is never complete.
      return new ReadableStream();
    }
  },
}));

let root: Root;

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  page.sent = [];
  root = createRoot(document.createElement("div"));
});
afterEach(() => act(async () => root.unmount()));

/** Shows a page to a person who has written something that was not sent. */
async function visit(userId: string, path: string) {
  page.path = path;
  const send = { key: `of-${userId}`, threadId: "conv", text: "milk", writtenAt: Date.now() };
  new Outbox(userId, localStorage).put(send);
  await act(async () =>
    root.render(
      <QueryClientProvider client={new QueryClient()}>
        <SessionProvider session={{ userId, name: userId, email: "" }}>
          <ChatBehind />
        </SessionProvider>
      </QueryClientProvider>,
    ),
  );
}

test("what waits is sent once from a page without the chat", async () => {
  await visit("ann", "/settings");
  await vi.waitFor(() => expect(page.sent).toEqual(["of-ann"]), { timeout: 4_000 });
  // Also when the person goes to and fro
  await visit("ann", "/");
  await visit("ann", "/settings");
  expect(page.sent).toEqual(["of-ann"]);
});

test("where the chat shows it is left to the chat", async () => {
  await visit("bob", "/");
  expect(page.sent).toEqual([]);
});
