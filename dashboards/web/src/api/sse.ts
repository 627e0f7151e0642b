/** Server-sent events, read from a stream of text so that the request can carry a token. Pure. */

export interface ServerEvent {
  id: string | null;
  event: string;
  data: string;
}

/** Longest line and data kept; a server that sends more is not ours. */
const LENGTH_MAX = 1 << 20;

/** Takes text as it comes and gives whole events. Source: the WHATWG's HTML standard, section 9.2. */
export class EventReader {
  private rest = "";
  private data: string[] = [];
  private event = "";
  /** The latest id, to come back with. */
  lastId: string | null = null;
  /** What the server wants a client to wait before it comes back, in milliseconds. */
  retry: number | null = null;

  push(chunk: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    this.rest += chunk;
    if (this.rest.length > LENGTH_MAX) throw new Error("a line of the event stream is too long");
    // A carriage return at the end may be half of a pair.
    for (;;) {
      const end = /\r\n|\n|\r(?=[^\n])/.exec(this.rest);
      if (!end) return events;
      const line = this.rest.slice(0, end.index);
      this.rest = this.rest.slice(end.index + end[0].length);
      const event = this.line(line);
      if (event) events.push(event);
    }
  }

  private line(line: string): ServerEvent | null {
    if (line === "") {
      const data = this.data.join("\n");
      const event = this.event || "message";
      const had = this.data.length > 0;
      this.data = [];
      this.event = "";
      return had ? { id: this.lastId, event, data } : null;
    }
    if (line.startsWith(":")) return null;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.data.push(value);
    else if (field === "event") this.event = value;
    else if (field === "id" && !value.includes("\0")) this.lastId = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retry = Number(value);
    return null;
  }
}
