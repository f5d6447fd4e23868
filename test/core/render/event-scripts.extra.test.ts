import { execFileSync, spawnSync } from "node:child_process";
import { shapeScript } from "../../../core/render/event-scripts.ts";

/** Two network namespaces with a cable between them; needs root, `ip` and `tc`. */
const names = { here: `rpshape-a-${process.pid}`, there: `rpshape-b-${process.pid}` };
const ip = (...args: string[]) => execFileSync("ip", args, { encoding: "utf8", timeout: 100_000 });
const inside = (script: string) =>
  spawnSync("ip", ["netns", "exec", names.here, "sh", "-c", script], { encoding: "utf8", timeout: 100_000 });

/** Sends some bytes to the other side's server and waits until it has them all, in ms. */
const transfer = `
const { connect, createServer } = require("node:net");
const { execFileSync, spawn } = require("node:child_process");
const send = (host) => new Promise((resolve, reject) => {
  const startedAt = performance.now();
  const socket = connect(7000, host, () => socket.end(Buffer.alloc(2_000_000)));
  socket.on("error", reject).on("close", () => resolve(performance.now() - startedAt)).resume();
});
(async () => {
  const server = spawn("ip", ["netns", "exec", process.argv[1], process.execPath, "-e",
    'require("node:net").createServer({ allowHalfOpen: true }, (s) => s.resume().on("end", () => s.end())).listen(7000, () => console.log("up"))']);
  await new Promise((resolve) => server.stdout.once("data", resolve));
  try { console.log(JSON.stringify({ shaped: await send("10.98.0.2"), other: await send("10.98.0.3") })); }
  finally { server.kill("SIGKILL"); }
})();`;

const measure = (): { readonly shaped: number; readonly other: number } => {
  const args = ["netns", "exec", names.here, process.execPath, "-e", transfer, names.there];
  return JSON.parse(execFileSync("ip", args, { encoding: "utf8", timeout: 100_000 })) as {
    shaped: number;
    other: number;
  };
};

describe("shapeScript, in a real network", () => {
  beforeAll(() => {
    ip("netns", "add", names.here);
    ip("netns", "add", names.there);
    ip("link", "add", "shape0", "netns", names.here, "type", "veth", "peer", "name", "shape1", "netns", names.there);
    ip("-n", names.here, "addr", "add", "10.98.0.1/24", "dev", "shape0");
    for (const address of ["10.98.0.2/24", "10.98.0.3/24"])
      ip("-n", names.there, "addr", "add", address, "dev", "shape1");
    ip("-n", names.here, "link", "set", "shape0", "up");
    ip("-n", names.there, "link", "set", "shape1", "up");
  });

  afterAll(() => {
    for (const name of Object.values(names)) spawnSync("ip", ["netns", "del", name]);
  });

  it("slows what goes to one peer, not what goes to others, and takes it back", () => {
    const { script, undo } = shapeScript({
      addresses: ["10.98.0.2"],
      rateBitsPerSec: 4e6,
      delayMs: undefined,
      loss: undefined,
    });
    expect(inside(script)).toMatchObject({ status: 0, stderr: "" });
    const shaped = measure();
    // 2 MB at 4 Mbit/s are four seconds; unshaped, they are a few milliseconds.
    expect(shaped.shaped).toBeGreaterThan(3_200);
    expect(shaped.other).toBeLessThan(shaped.shaped / 2);
    expect(inside(undo ?? "false")).toMatchObject({ status: 0, stderr: "" });
    expect(inside("tc qdisc show dev shape0").stdout).not.toContain("htb");
    expect(measure().shaped).toBeLessThan(shaped.shaped / 2);
  });

  it("is not undone twice, and may be shaped anew", () => {
    const { script, undo } = shapeScript({
      addresses: ["10.98.0.2"],
      rateBitsPerSec: 1e9,
      delayMs: undefined,
      loss: undefined,
    });
    expect(inside(`${script}\n${script}`)).toMatchObject({ status: 0 });
    expect(inside(`${undo ?? "false"}\n${undo ?? "false"}`)).toMatchObject({ status: 0 });
  });
});
