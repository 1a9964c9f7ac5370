/** One EventSource for the tab: it reopens itself, and says whether it is up. */

export type StreamState = "connecting" | "open" | "down";

interface Handlers {
  onEvent: (kind: string, data: unknown) => void;
  onState: (state: StreamState) => void;
  /** Called when the server refused the stream outright: perhaps the session ended. */
  onRefused: () => void;
}

const KINDS = ["hello", "worker", "run", "deleted", "metrics", "samples", "log"] as const;
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 5000;

export class EventStream {
  private source: EventSource | null = null;
  private lastId: string | null = null;
  private retryMs = FIRST_RETRY_MS;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly url: string,
    private readonly handlers: Handlers,
  ) {}

  open(): void {
    if (this.source !== null) return;
    clearTimeout(this.timer);
    const after = this.lastId === null ? "" : `?after=${encodeURIComponent(this.lastId)}`;
    const source = new EventSource(this.url + after);
    this.source = source;
    for (const kind of KINDS) {
      source.addEventListener(kind, (event: MessageEvent<string>) => this.receive(kind, event));
    }
    source.onerror = () => this.fail(source);
  }

  close(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  private receive(kind: string, event: MessageEvent<string>): void {
    if (event.lastEventId !== "") this.lastId = event.lastEventId;
    if (kind === "hello") {
      this.retryMs = FIRST_RETRY_MS;
      this.handlers.onState("open");
    }
    this.handlers.onEvent(kind, JSON.parse(event.data));
  }

  /** While CONNECTING the browser retries by itself with Last-Event-ID; CLOSED is final for it. */
  private fail(source: EventSource): void {
    if (source !== this.source) return;
    this.handlers.onState("down");
    if (source.readyState !== EventSource.CLOSED) return;
    this.source = null;
    this.handlers.onRefused();
    this.timer = setTimeout(() => this.open(), this.retryMs);
    this.retryMs = Math.min(LAST_RETRY_MS, this.retryMs * 2);
  }
}
