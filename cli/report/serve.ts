import { readFile } from "node:fs/promises";
import type { Server } from "node:http";
import { createServer } from "node:http";
import { join, normalize } from "node:path";
import type { Clock } from "../../core/effects/clock.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import type { Site } from "./site.ts";

/** A site that is older is made anew for the next request. */
const freshMs = 2_000;

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  json: "application/json",
  jsonl: "application/jsonl",
  svg: "image/svg+xml",
  png: "image/png",
  pdf: "application/pdf",
};

export interface ServeOptions {
  readonly open: () => Promise<Site>;
  /** Where figures lie. */
  readonly folder: string;
  readonly clock: Clock;
  readonly note: (text: string) => void;
}

/**
 * Serves a run's site to this machine: each page from the store as it is now, at most some seconds old.
 *
 * Only requests that name this machine are answered, so that no page of the web can read it under a name of its own.
 *
 * @param port 0 takes any that is free
 */
export async function serveSite(options: ServeOptions, port: number): Promise<{ server: Server; url: string }> {
  const { open, folder, clock, note } = options;
  let current: { readonly site: Promise<Site>; readonly atMs: number } | undefined;
  const site = (): Promise<Site> => {
    if (current === undefined || clock.now() - current.atMs > freshMs) {
      const opened = open();
      opened.catch(() => (current = undefined)); // whoever asked hears of it, the next one may have more luck
      current = { site: opened, atMs: clock.now() };
    }
    return current.site;
  };
  const answer = async (path: string): Promise<string | Uint8Array | undefined> => {
    const made = await (await site()).file(path);
    if (made !== undefined || !path.startsWith("figures/") || normalize(path) !== path || path.includes(".."))
      return made;
    return readFile(join(folder, path)).catch(() => undefined);
  };
  const server = createServer((request, response) => {
    const host = (request.headers.host ?? "").replace(/:\d+$/, "");
    if (request.method !== "GET" || (host !== "127.0.0.1" && host !== "localhost")) {
      response.writeHead(request.method === "GET" ? 403 : 405).end();
      return;
    }
    const path = pathOf(request.url ?? "/");
    const type = types[path?.split(".").at(-1) ?? ""];
    if (path === undefined || type === undefined) {
      response.writeHead(404).end("no such page\n");
      return;
    }
    answer(path).then(
      (body) => {
        if (body === undefined) response.writeHead(404).end("no such page\n");
        else
          response
            .writeHead(200, { "content-type": type, "cache-control": "no-store", "x-content-type-options": "nosniff" })
            .end(body);
      },
      (error: unknown) => {
        note(`${path}: ${messageOf(error)}`);
        response.writeHead(500).end("this page can't be made; the terminal says why\n");
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const address = server.address();
  const actual = typeof address === "object" && address !== null ? address.port : port;
  return { server, url: `http://127.0.0.1:${actual}/` };
}

function pathOf(url: string): string | undefined {
  try {
    const path = decodeURIComponent(new URL(url, "http://127.0.0.1").pathname).slice(1);
    return path === "" ? "index.html" : path;
  } catch {
    return undefined; // not a URL
  }
}
