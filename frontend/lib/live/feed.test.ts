import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LiveFeed, SILENCE } from "./feed";

interface Stream {
  lastId: string | null;
  say(text: string): Promise<void>;
  end(): Promise<void>;
  aborted(): boolean;
}

/** Lets everything that is ready to happen happen. */
const settle = () => vi.advanceTimersByTimeAsync(0);

/** A feed whose backend is the test. */
function world(answers: (() => Response)[] = []) {
  const streams: Stream[] = [];
  const heard: string[] = [];
  const states: boolean[] = [];
  const feed = new LiveFeed({
    open: async (lastId, signal) => {
      const answer = answers.shift();
      if (answer) return answer();
      let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
      const body = new ReadableStream<Uint8Array>({
        start: (given) => {
          controller = given;
        },
      });
      streams.push({
        lastId,
        say: async (text) => {
          controller?.enqueue(new TextEncoder().encode(text));
          await settle();
        },
        end: async () => {
          controller?.close();
          await settle();
        },
        aborted: () => signal.aborted,
      });
      return new Response(body);
    },
    heard: (kind, data) => heard.push(`${kind} ${JSON.stringify(data)}`),
    connected: (is) => {
      if (states.at(-1) !== is) states.push(is);
    },
    wait: (ms, then) => {
      const timer = setTimeout(then, ms);
      return () => clearTimeout(timer);
    },
    random: () => 1,
  });
  const last = () => {
    const stream = streams.at(-1);
    if (!stream) throw new Error("no stream was opened");
    return stream;
  };
  feed.start();
  return { feed, streams, last, heard, states };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const EVENT = 'id: User/ann/7/u0\nevent: task\ndata: {"sequence":7}\n\n';

describe("the live feed", () => {
  it("hands on what it hears and leaves what it does not know", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { last, heard, states } = world();
    await settle();
    await last().say(`: open\n\nevent: news\ndata: {}\n\nevent: task\ndata: {broken\n\n${EVENT}`);
    expect(heard).toEqual(['task {"sequence":7}']);
    expect(states).toEqual([true]);
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
  });

  it("comes back where it was when the stream ends, as it does with each token", async () => {
    const { last, streams, states } = world();
    await settle();
    await last().say(EVENT);
    await last().end();
    expect(states).toEqual([true, false]);
    await vi.advanceTimersByTimeAsync(500);
    expect(streams).toHaveLength(2);
    expect(last().lastId).toBe("User/ann/7/u0");
    await last().say(":\n\n");
    expect(states).toEqual([true, false, true]);
  });

  it("takes a stream without a sign of life for dead", async () => {
    const { last, streams } = world();
    await settle();
    await last().say(":\n\n");
    await vi.advanceTimersByTimeAsync(SILENCE - 1_000);
    await last().say(":\n\n");
    await vi.advanceTimersByTimeAsync(SILENCE - 1_000);
    expect(streams).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(streams[0]?.aborted()).toBe(true);
    expect(streams).toHaveLength(2);
  });

  it("comes back less and less often while nobody answers, and at once when told so", async () => {
    const down = () => new Response(null, { status: 502 });
    const { feed, streams } = world(Array.from({ length: 4 }, () => down));
    // 0.5, 1, 2 and 4 s
    await vi.advanceTimersByTimeAsync(3_400);
    expect(streams).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(200);
    feed.hurry();
    await settle();
    expect(streams).toHaveLength(1);
  });

  it("waits as long as the backend asks", async () => {
    const full = () => new Response(null, { status: 429, headers: { "retry-after": "15" } });
    const { streams } = world([full]);
    await vi.advanceTimersByTimeAsync(14_900);
    expect(streams).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(200);
    expect(streams).toHaveLength(1);
  });

  it("survives a lost connection", async () => {
    const { streams } = world([
      () => {
        throw new TypeError("Failed to fetch");
      },
    ]);
    await vi.advanceTimersByTimeAsync(600);
    expect(streams).toHaveLength(1);
  });

  it("is over once stopped", async () => {
    const { feed, last, streams, states } = world();
    await settle();
    await last().say(":\n\n");
    feed.stop();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(last().aborted()).toBe(true);
    expect(streams).toHaveLength(1);
    expect(states).toEqual([true]);
  });

  it("drops a stream that may be dead when asked to", async () => {
    const { feed, last, streams } = world();
    await settle();
    await last().say(EVENT);
    feed.renew();
    await vi.advanceTimersByTimeAsync(600);
    expect(streams).toHaveLength(2);
    expect(last().lastId).toBe("User/ann/7/u0");
  });
});
