// The main job from nothing: runs the quickstart on this machine, draws its figures, writes the gallery.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const reprise = fileURLToPath(new URL("../bin/reprise.mjs", import.meta.url));
const experiment = "experiments/quickstart";

for (const args of [
  ["run", experiment, "--yes"],
  ["figures", experiment, "--gallery"],
  ["verify", "last"],
]) {
  console.log(`\n$ reprise ${args.join(" ")}`);
  const { status } = spawnSync(process.execPath, [reprise, ...args], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
