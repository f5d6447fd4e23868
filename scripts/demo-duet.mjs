// A duet from nothing: two ways of the same work in Node, side by side on this machine, ending in verdicts with figures.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const reprise = fileURLToPath(new URL("../bin/reprise.mjs", import.meta.url));
const experiment = process.argv[2] ?? "experiments/duet-node";

for (const args of [
  ["run", experiment, "--yes"],
  ["figures", experiment],
  ["compare", "last"],
]) {
  console.log(`\n$ reprise ${args.join(" ")}`);
  const { status } = spawnSync(process.execPath, [reprise, ...args], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
