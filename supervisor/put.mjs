#!/usr/bin/env node
// One HTTP request for hosts without curl, described as JSON on stdin so that no secret is ever an argument:
// {method, url, headers, file?, answer?, timeoutMs}. Sends `file` with its length, keeps the answer's body in `answer`
// (at most 1 MiB) and prints the status; 000 and a line on stderr when there was none.
import { createReadStream, createWriteStream, statSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline } from "node:stream/promises";

const answerLimitBytes = 1_048_576;
const idleMs = 30_000;

async function readStdin() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

async function send({ method, url, headers, file, answer, timeoutMs }) {
  const bytes = file === undefined ? 0 : statSync(file).size;
  const target = new URL(url);
  const request = (target.protocol === "https:" ? httpsRequest : httpRequest)(target, {
    method,
    headers: file === undefined ? headers : { ...headers, "content-length": String(bytes) },
    // The pool's idle sockets would keep this process alive.
    agent: false,
  });
  setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs).unref();
  request.setTimeout(idleMs, () => request.destroy(new Error(`silent for ${idleMs} ms`)));
  const answered = new Promise((resolve, reject) => {
    request.once("response", resolve);
    request.once("error", reject);
  });
  // `end` keeps it to the length that was announced, should the file grow meanwhile.
  if (bytes > 0) pipeline(createReadStream(file, { end: bytes - 1 }), request).catch((error) => request.destroy(error));
  else request.end();
  const response = await answered;
  let kept = 0;
  const sink = answer === undefined ? undefined : createWriteStream(answer);
  for await (const chunk of response) {
    kept += chunk.length;
    if (kept <= answerLimitBytes) sink?.write(chunk);
  }
  if (sink) await new Promise((resolve) => sink.end(resolve));
  return response.statusCode ?? 0;
}

try {
  process.stdout.write(String(await send(await readStdin())).padStart(3, "0"), () => process.exit(0));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.stdout.write("000", () => process.exit(0));
}
