/** One event of a stream of server-sent events. */
export interface StreamEvent {
  /** The event's id; empty if it had none. */
  id: string;
  event: string;
  data: string;
}

/**
 * Reads server-sent events from text that comes in pieces of any size, as the HTML standard has
 * them; `retry` is left, as nobody here goes by it.
 */
export class EventParser {
  private rest = "";
  private id = "";
  private event = "";
  private data: string[] = [];

  /** The events that this piece completes. */
  push(piece: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    const lines = (this.rest + piece).split(/\r\n|\n|\r(?!$)/u);
    this.rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") this.dispatch(events);
      else this.take(line);
    }
    return events;
  }

  private take(line: string): void {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /u, "");
    if (name === "id") this.id = value;
    else if (name === "event") this.event = value;
    else if (name === "data") this.data.push(value);
  }

  private dispatch(events: StreamEvent[]): void {
    if (this.data.length > 0) {
      events.push({ id: this.id, event: this.event || "message", data: this.data.join("\n") });
    }
    this.id = "";
    this.event = "";
    this.data = [];
  }
}
