// Runs one workload again and again, in step with the other side where there is one, and leaves a line an iteration.
import { closeSync, openSync, readSync, writeFileSync, writeSync } from "node:fs";
import { parseArgs } from "node:util";
import { workloads } from "./workloads.mjs";

const { values } = parseArgs({
  options: {
    workload: { type: "string" },
    way: { type: "string" },
    iterations: { type: "string" },
    scale: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
  },
});
const prepare = workloads[values.workload]?.[values.way];
if (prepare === undefined) throw new Error(`no workload ${values.workload} done by ${values.way}`);
const iterations = Number(values.iterations);
const work = prepare({ seed: Number(values.seed), scale: Number(values.scale) });

const meet = barrier(process.env);
// Wall-clock time comes in milliseconds and may step: one reading of it, then the monotonic clock.
const epochNs = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
const file = openSync("iterations.csv", "w");
writeSync(file, "iteration,start_ns,duration_ns,cpu_ns,checksum\n");
for (let i = 0; i < iterations; i++) {
  if (!meet()) break;
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  const checksum = work();
  const duration = process.hrtime.bigint() - start;
  const { user, system } = process.cpuUsage(cpu);
  // Written at once: a run that is cut keeps what it has.
  writeSync(file, `${i},${epochNs + start},${duration},${(user + system) * 1_000},${checksum}\n`);
}
closeSync(file);
writeFileSync("done", "");

/** @returns a function that waits for the partner, and says whether there still is one */
function barrier({ REPRISE_ARM, REPRISE_BARRIER_SEND, REPRISE_BARRIER_WAIT }) {
  if (REPRISE_BARRIER_SEND === undefined || REPRISE_BARRIER_WAIT === undefined) return () => true;
  // Opening blocks until the partner opens the other end, so the sides go in opposite order.
  const open = {
    send: () => openSync(REPRISE_BARRIER_SEND, "w"),
    wait: () => openSync(REPRISE_BARRIER_WAIT, "r"),
  };
  let send, wait;
  if (REPRISE_ARM === "A") [send, wait] = [open.send(), open.wait()];
  else [wait, send] = [open.wait(), open.send()];
  const byte = Buffer.alloc(1);
  return () => {
    try {
      writeSync(send, byte);
      return readSync(wait, byte) === 1;
    } catch (error) {
      if (error.code === "EPIPE") return false; // the partner has ended
      throw error;
    }
  };
}
