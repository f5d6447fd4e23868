/**
 * The link-local metadata service of one machine. Its socket lies in the machine's own network, where nobody else can
 * ask it; what it answers is decided here, by the machine's cloud.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { Server } from "node:net";
import type { Socket } from "node:net";
import type { Guest } from "../common/backend.ts";

/** Where all three clouds serve it. */
export const metadataAddress = "169.254.169.254";

export interface MetadataService {
  close(): Promise<void>;
}

/** A process can't change its network, but a socket keeps that of who opened it: a short-lived one opens it for us. */
const opener = `
const server = require("node:net").createServer();
server.listen(80, "${metadataAddress}", () => process.send("open", server, () => process.exit(0)));
`;

/** @param namespace a network namespace that has the address */
export async function serveMetadata(namespace: string, guest: Pick<Guest, "metadata">): Promise<MetadataService> {
  const listening = await openIn(namespace);
  const http = createServer((request, response) => {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.headers)) if (typeof value === "string") headers[name] = value;
    const answer = guest.metadata({ method: request.method ?? "GET", path: request.url ?? "/", headers });
    response.writeHead(answer.status, { ...answer.headers, connection: "close" }).end(answer.body);
  });
  const open = new Set<Socket>();
  listening.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    http.emit("connection", socket);
  });
  return {
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => listening.close(() => resolve()));
    },
  };
}

async function openIn(namespace: string): Promise<Server> {
  const child = spawn("ip", ["netns", "exec", namespace, process.execPath, "-e", opener], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const opened = new Promise<Server>((resolve, reject) => {
    child.once("message", (_word, handle) => {
      if (handle instanceof Server) resolve(handle);
      else reject(new Error(`no metadata service in ${namespace}: no socket came`));
    });
    child.once("error", reject);
    child.once("close", () => reject(new Error(`no metadata service in ${namespace}: ${said}`)));
  });
  const server = await opened;
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return server;
}
