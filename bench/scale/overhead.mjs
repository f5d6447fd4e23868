// What the control plane adds to each trial on warm local hosts: runs test/fixtures/experiments/tiny and compares the
// time between trials with the trial's own time. `node bench/scale/overhead.mjs [push|pull]`, on an idle machine.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const home = mkdtempSync(join(tmpdir(), "reprise-bench-"));
const reprise = (...args) =>
  execFileSync(process.execPath, ["bin/reprise.mjs", "--home", home, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
try {
  reprise("run", "test/fixtures/experiments/tiny");
  const [run] = readdirSync(join(home, "store/objects/runs"));
  const prefix = join(home, "store/objects/runs", run);
  const own = [];
  const whole = [];
  for (const point of readdirSync(prefix).filter((name) => name.startsWith("main."))) {
    for (const trial of readdirSync(join(prefix, point))) {
      const manifest = JSON.parse(readFileSync(join(prefix, point, trial, "attempt-1/manifest.json"), "utf8"));
      const job = manifest.phases
        .find((p) => p.phase === "jobs")
        .hosts.flatMap((h) => h.units.filter((u) => u.kind === "job"))[0];
      own.push(Date.parse(job.endedAt) - Date.parse(job.startedAt));
      whole.push(Date.parse(manifest.endedAt) - Date.parse(manifest.startedAt));
    }
  }
  const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
  console.log(
    `${own.length} trials: job ${median(own)} ms, trial ${median(whole)} ms, control plane ${median(whole.map((w, i) => w - own[i]))} ms (medians)`,
  );
} finally {
  rmSync(home, { recursive: true, force: true });
}
