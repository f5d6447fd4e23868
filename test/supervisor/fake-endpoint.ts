import { readFileSync, readdirSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { sha256Hex } from "../../core/evidence/sha256.ts";

interface Landed {
  readonly body: Buffer;
  readonly headers: IncomingMessage["headers"];
}
export interface Asked {
  readonly call: "upload" | "report" | "beat" | "put";
  readonly body: Record<string, unknown>;
}
/** What to do with a request instead of serving it; undefined serves it. */
export type Fault = "500" | "hang-up" | "lose-reply" | undefined;

/**
 * The control side as hosts see it: hands out one URL a file, checks length and digest, keeps what lands, and can fail in
 * every way that a network has.
 */
export class FakeEndpoint {
  readonly landed = new Map<string, Landed>();
  readonly live = new Map<string, Buffer[]>();
  readonly asked: Asked[] = [];
  readonly reports: Record<string, unknown>[] = [];
  beatAnswer: Record<string, unknown> = { answer: "continue" };
  /** Called for each request, with its ordinal among those of its kind, from 1. */
  fault: (call: Asked["call"], n: number) => Fault = () => undefined;
  /** Command lines seen while requests were open that held a secret. */
  readonly leaks: string[] = [];
  private readonly server: Server;
  private readonly counts = new Map<string, number>();
  private readonly signed = new Map<
    string,
    { path: string; live: number | undefined; sha256: string; bytes: number }
  >();

  private constructor(server: Server) {
    this.server = server;
  }

  static async open(): Promise<FakeEndpoint> {
    const server = createServer();
    const endpoint = new FakeEndpoint(server);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      endpoint.serve(request, response).catch(() => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return endpoint;
  }

  get url(): string {
    const address = this.server.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return `http://127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const isPut = request.method === "PUT";
    const call = isPut ? "put" : ((request.url ?? "").slice(1) as Asked["call"]); // the only paths that we hand out
    const n = (this.counts.get(call) ?? 0) + 1;
    this.counts.set(call, n);
    this.lookForSecrets();
    const fault = this.fault(call, n);
    if (fault === "hang-up") {
      // Some of the body has arrived: the middle of an upload.
      request.once("data", () => request.destroy());
      request.once("end", () => request.destroy());
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer); // no encoding was set
    const body = Buffer.concat(chunks);
    if (fault === "500") {
      response.writeHead(500).end("try later");
      return;
    }
    const [status, answer] = isPut
      ? this.take(request, body)
      : this.answer(call, JSON.parse(body.toString("utf8")) as Asked["body"]); // our own supervisor's
    if (fault === "lose-reply") response.destroy();
    else
      response
        .writeHead(status, { "content-type": "application/json" })
        .end(answer === undefined ? "" : JSON.stringify(answer));
  }

  private answer(call: Asked["call"], body: Asked["body"]): [number, unknown] {
    this.asked.push({ call, body });
    if (body["capability"] !== "secret-capability") return [403, { error: "forged" }];
    if (call === "beat") return [200, this.beatAnswer];
    if (call === "report") {
      this.reports.push(body["result"] as Record<string, unknown>); // as sent
      return [200, { answer: "continue" }];
    }
    const { path, live, sha256, bytes } = body as { path: string; live?: number; sha256: string; bytes: number };
    const token = `t${this.signed.size}`;
    this.signed.set(token, { path, live, sha256, bytes });
    return [
      200,
      {
        // Escapes and separators as JSON writers like to make them.
        url: `${this.url}/store/${path}?signature=secret-signature&token=${token}`,
        headers: { "if-none-match": "*", "x-checksum": `sha256="${sha256}"`, "x-token": `\u0026\\${token}` },
      },
    ];
  }

  private take(request: IncomingMessage, body: Buffer): [number, unknown] {
    const token = new URL(request.url ?? "", this.url).searchParams.get("token") ?? "";
    const signed = this.signed.get(token);
    if (signed === undefined || request.headers["x-token"] !== `&\\${token}`) return [403, undefined];
    if (request.headers["content-length"] !== String(signed.bytes)) return [411, undefined];
    if (sha256Hex(body) !== signed.sha256 || body.length !== signed.bytes) return [400, undefined];
    if (signed.live !== undefined) {
      const chunks = this.live.get(signed.path) ?? [];
      if (chunks[signed.live] !== undefined) return [412, undefined];
      chunks[signed.live] = body;
      this.live.set(signed.path, chunks);
      return [200, undefined];
    }
    if (this.landed.has(signed.path)) return [412, undefined];
    this.landed.set(signed.path, { body, headers: request.headers });
    return [200, undefined];
  }

  private lookForSecrets(): void {
    for (const pid of readdirSync("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        if (line.includes("secret-capability") || line.includes("secret-signature")) this.leaks.push(line);
      } catch {
        // gone
      }
    }
  }
}
