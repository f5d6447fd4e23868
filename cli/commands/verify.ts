import { stat } from "node:fs/promises";
import { verifyRun } from "../../core/evidence/verify-run.ts";
import type { EvidenceReader } from "../../core/evidence/walk-evidence.ts";
import { exitCodes } from "../../core/errors/failure.ts";
import { plainTree } from "../../stores/folder/plain-tree.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { engineOf, sealWatch } from "../drive.ts";
import { runOfCopy } from "../fetched-copy.ts";
import { findRun, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";
import type { Output } from "../output.ts";
import { counted } from "../output.ts";

/** Looked for a seal that is about to come this often. */
const lookEveryMs = 2_000;

export async function verify({ output, home }: CommandContext, name: string): Promise<number> {
  const { reader, runId } = await findEvidence(home, name, output);
  const found = await verifyRun(reader, runId);
  output.result(found);
  for (const problem of found.problems) {
    const detail =
      problem.kind === "broken"
        ? problem.reason
        : "actualSha256" in problem
          ? `sha256 ${problem.actualSha256.slice(0, 16)}… instead of ${problem.expectedSha256.slice(0, 16)}…`
          : "";
    output.line(`${problem.kind}: ${problem.key} ${detail}`.trimEnd());
  }
  const size = `${counted(found.checkedFiles, "file")}, ${(found.checkedBytes / 1e6).toFixed(1)} MB`;
  if (found.problemCount > 0 || found.seal === "broken") {
    output.line(
      `${runId}: ${found.problemCount} ${found.problemCount === 1 ? "file is" : "files are"} not what was recorded (${size} checked)`,
    );
    return exitCodes.integrity;
  }
  const seal =
    found.seal === "sealed"
      ? `sealed, root ${found.rootDigest ?? ""}`
      : "not sealed yet: only attempts that ended are vouched for";
  output.line(`${runId}: every byte as recorded (${size}; ${seal})`);
  if (found.elsewhere.length > 0)
    output.line(`results taken over from runs that are not here: ${found.elsewhere.join(", ")}`);
  return 0;
}

async function findEvidence(
  home: string,
  name: string,
  output: Output,
): Promise<{ readonly reader: EvidenceReader; readonly runId: string }> {
  if ((await stat(name).catch(() => undefined))?.isDirectory() === true) {
    const runId = await runOfCopy(name);
    return { reader: plainTree(name, runId), runId };
  }
  const store = openStore(home);
  const runId = await findRun(store, name);
  await letSeal(home, runId, output);
  return { reader: store, runId };
}

/** What comes after a deployed run's end, and is about to be sealed, would be called extra before. */
async function letSeal(home: string, runId: string, output: Output): Promise<void> {
  const sealing = sealWatch(home, runId);
  let isTold = false;
  while ((await sealing()) === "waiting" && (await engineOf(home, runId)) === undefined) {
    if (!isTold) output.note(`${runId} ended just now: its evidence is about to be sealed`);
    isTold = true;
    await systemClock.sleep(lookEveryMs);
  }
}
