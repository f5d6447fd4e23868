// Closed-loop clients of the append log: each connection has one request outstanding and sends the next as soon as
// the answer is there. Every measured request becomes a line of the CSV file; the warm-up is not recorded.
import { createWriteStream } from "node:fs";
import { connect } from "node:net";
import { once } from "node:events";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    host: { type: "string" },
    port: { type: "string" },
    clients: { type: "string", default: "1" },
    "record-bytes": { type: "string", default: "128" },
    "warmup-sec": { type: "string", default: "0.5" },
    "duration-sec": { type: "string", default: "2" },
    output: { type: "string", default: "requests.csv" },
  },
});

const clients = Number(values.clients);
const recordBytes = Number(values["record-bytes"]);
const warmupMs = Number(values["warmup-sec"]) * 1000;
const durationMs = Number(values["duration-sec"]) * 1000;

const request = Buffer.alloc(4 + recordBytes, "x");
request.writeUInt32BE(recordBytes, 0);

const out = createWriteStream(values.output);
out.write("start_ms,latency_us,client\n");
const begin = performance.now();
const beginWall = Date.now();
const measureFrom = begin + warmupMs;
const stopAt = measureFrom + durationMs;
let measured = 0;

async function runClient(client) {
  const socket = connect({ host: values.host, port: Number(values.port), noDelay: true });
  await once(socket, "connect");
  const lines = [];
  await new Promise((resolve, reject) => {
    let sentAt = 0;
    let got = 0;
    const send = () => {
      sentAt = performance.now();
      if (sentAt >= stopAt) return resolve();
      socket.write(request);
    };
    socket.on("data", (chunk) => {
      got += chunk.length;
      if (got < 12) return; // an answer is 12 bytes; with one request outstanding there is never more than one
      got = 0;
      const now = performance.now();
      if (sentAt >= measureFrom) {
        measured++;
        lines.push(`${(beginWall + (sentAt - begin)).toFixed(3)},${Math.round((now - sentAt) * 1000)},${client}\n`);
        if (lines.length >= 1000) out.write(lines.splice(0).join(""));
      }
      send();
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("the server closed the connection")));
    send();
  });
  out.write(lines.join(""));
  socket.removeAllListeners("close");
  socket.destroy();
}

try {
  await Promise.all(Array.from({ length: clients }, (_, client) => runClient(client)));
} catch (error) {
  console.error(`client failed: ${error.message}`);
  process.exit(1);
}
await new Promise((resolve) => out.end(resolve));
console.log(`${measured} requests in ${durationMs / 1000} s by ${clients} clients`);
