// An append-only log over TCP: each request is a record, each answer the record's offset once it is on disk.
// Requests that arrive while a sync is under way share the next one (group commit), which is why throughput grows
// with clients until the disk or the CPU is full.
//
// Frame, both ways: 4 bytes length (big endian), then so many bytes. An answer's payload is an 8-byte offset.
import { closeSync, fdatasync, openSync, write } from "node:fs";
import { createServer } from "node:net";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    host: { type: "string", default: "0.0.0.0" },
    port: { type: "string" },
    log: { type: "string", default: "append.log" },
    sync: { type: "string", default: "group" }, // group: fdatasync before answering; none: trust the page cache
  },
});

const file = openSync(values.log, "a");
let end = 0;
let pending = []; // requests whose records wait for the next write
let writing = false;
let syncs = 0;

function flush() {
  if (writing || pending.length === 0) return;
  writing = true;
  const batch = pending;
  pending = [];
  const data = Buffer.concat(batch.map((request) => request.record));
  write(file, data, 0, data.length, null, (error) => {
    if (error) throw error;
    const done = () => {
      syncs++;
      for (const { socket, record } of batch) {
        const answer = Buffer.alloc(12);
        answer.writeUInt32BE(8, 0);
        answer.writeBigUInt64BE(BigInt(end), 4);
        end += record.length;
        socket.write(answer);
      }
      writing = false;
      flush();
    };
    if (values.sync === "none") done();
    else
      fdatasync(file, (syncError) => {
        if (syncError) throw syncError;
        done();
      });
  });
}

const server = createServer({ noDelay: true }, (socket) => {
  let buffered = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    while (buffered.length >= 4) {
      const length = buffered.readUInt32BE(0);
      if (buffered.length < 4 + length) break;
      pending.push({ socket, record: buffered.subarray(4, 4 + length) });
      buffered = buffered.subarray(4 + length);
    }
    flush();
  });
  socket.on("error", () => socket.destroy());
});

server.listen(Number(values.port), values.host, () => {
  console.log(`listening on ${values.host}:${values.port}, sync ${values.sync}`);
});

process.on("SIGTERM", () => {
  console.log(`served ${end} bytes in ${syncs} writes`);
  closeSync(file);
  process.exit(0);
});
