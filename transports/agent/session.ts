import { randomUUID } from "node:crypto";
import type { Clock } from "../../core/effects/clock.ts";
import type { CommandResult, Exchange } from "../../core/ports/transport.ts";
import { inTime } from "./in-time.ts";
import { OpenStdin } from "./open-stdin.ts";

/** What one call of a session says: the verb's words and how it ended, an exit code or a word of its own. */
export interface Said {
  readonly code: string;
  readonly bytes: Uint8Array;
}

/** The three things that are said of an armed step; each undefined where the session ended before. */
export interface ArmedCall {
  readonly answer: Promise<Said | undefined>;
  /** Nothing is left to prepare: of a step that waits for `go`. Comes with the step's end at the latest. */
  readonly prepared: Promise<Said | undefined>;
  readonly end: Promise<Said | undefined>;
}

/** What a caller waits for, by what is said. */
type Hearer = Partial<Record<"answer" | "prepared" | "end", (said: Said | undefined) => void>>;

/**
 * Many calls of one supervisor on one stdin (`supervisor.sh serve`), so that none but the first costs a process there.
 *
 * It ends with its channel, and then says undefined to whoever waits: they ask again by a call of their own. Nothing on
 * the host rests on it.
 */
export class Session {
  private readonly stdin = new OpenStdin();
  private readonly token: string;
  private readonly clock: Clock;
  private readonly mostBytes: number;
  private readonly hearers = new Map<string, Hearer>();
  private readonly stop = new AbortController();
  private heard: Buffer = Buffer.alloc(0);
  private calls = 0;
  private over = false;
  /** Whether it ever answered: a host that can't hold a session never does. */
  hasAnswered = false;
  readonly ended: Promise<void>;

  /**
   * @param follow begins `serve TOKEN` on the host
   * @param effects.mostBytes of what is said of one call; a session that says more is given up
   */
  constructor(
    follow: (token: string, exchange: Exchange) => Promise<CommandResult>,
    { clock, mostBytes }: { readonly clock: Clock; readonly mostBytes: number },
  ) {
    this.token = randomUUID();
    this.clock = clock;
    this.mostBytes = mostBytes;
    const exchange = { stdin: this.stdin, signal: this.stop.signal, onStdout: (chunk: Uint8Array) => this.hear(chunk) };
    this.ended = follow(this.token, exchange).then(
      () => this.end(),
      () => this.end(), // whoever waits asks by a call of its own, and learns why
    );
  }

  get isOver(): boolean {
    return this.over;
  }

  /** @param acknowledged steps whose results are safe */
  arm(stepId: string, text: Uint8Array, acknowledged: readonly string[], timeoutMs: number): ArmedCall {
    const lines = text.reduce((count, byte) => (byte === newline ? count + 1 : count), 0);
    const head = ["arm", stepId, lines, text.byteLength, ...acknowledged].join(" ");
    const hearer: Hearer = {};
    const promised = (what: keyof Hearer): Promise<Said | undefined> =>
      new Promise((resolve) => (hearer[what] = resolve));
    const call = { answer: promised("answer"), prepared: promised("prepared"), end: promised("end") };
    this.say(head, text, hearer);
    return { ...call, answer: this.within(call.answer, timeoutMs) };
  }

  /** One verb without stdin; undefined where the session ended first, or nothing came in time. */
  ask(verb: string, args: readonly string[], timeoutMs: number): Promise<Said | undefined> {
    const answer = new Promise<Said | undefined>((resolve) => {
      this.say([verb, ...args].join(" "), undefined, { answer: resolve });
    });
    return this.within(answer, timeoutMs);
  }

  /** Lets it go; steps go on. */
  async close(): Promise<void> {
    this.stdin.end();
    await this.ended;
  }

  /** Ends it at once: it doesn't answer. */
  abandon(): void {
    this.stop.abort(new Error("the session doesn't answer"));
    this.end();
  }

  private say(line: string, text: Uint8Array | undefined, hearer: Hearer): void {
    const id = String(++this.calls);
    if (this.over) {
      for (const tell of Object.values(hearer)) tell(undefined);
      return;
    }
    this.hearers.set(id, hearer);
    const head = Buffer.from(`${id} ${line}\n`);
    this.stdin.write(text === undefined ? head : Buffer.concat([head, text]));
  }

  private async within(answer: Promise<Said | undefined>, timeoutMs: number): Promise<Said | undefined> {
    const said = await inTime(answer, timeoutMs, this.clock);
    if (said !== "late") return said;
    this.abandon();
    return undefined;
  }

  /** Everything before a line `TOKEN ID CODE` is what that call says. */
  private hear(chunk: Uint8Array): void {
    if (this.over) return;
    this.heard = this.heard.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.heard, chunk]);
    for (;;) {
      const at = this.heard.indexOf(`${this.token} `);
      const to = at < 0 ? -1 : this.heard.indexOf(newline, at);
      if (to < 0) break;
      const [, id = "", code = ""] = this.heard.toString("utf8", at, to).split(" ");
      const bytes = this.heard.subarray(0, at);
      this.heard = this.heard.subarray(to + 1);
      this.tell(id, { code, bytes });
    }
    // Nothing honest says so much: those who wait ask by calls of their own, which have their bounds.
    if (this.heard.length > this.mostBytes) this.abandon();
  }

  private tell(id: string, said: Said): void {
    this.hasAnswered = true;
    const hearer = this.hearers.get(id);
    if (hearer === undefined) return;
    const what = said.code === "prepared" || said.code === "end" ? said.code : "answer";
    hearer[what]?.(said);
    // A verb that was refused has nothing more to say.
    const isLast = hearer.end === undefined || what === "end" || (what === "answer" && said.code !== "0");
    if (!isLast) return;
    this.hearers.delete(id);
    for (const tell of Object.values(hearer)) tell(undefined);
  }

  private end(): void {
    this.over = true;
    this.heard = Buffer.alloc(0);
    this.stdin.end();
    const hearers = [...this.hearers.values()];
    this.hearers.clear();
    for (const hearer of hearers) for (const tell of Object.values(hearer)) tell(undefined);
  }
}

const newline = 10;
