import { FailureError } from "../../core/errors/failure.ts";
import { blobKey, runPrefix, sharedResultKey, runKeys } from "../../core/names/keys.ts";
import { engineOf } from "../drive.ts";
import { findRun, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";
import { openDeployments } from "../run-hosts.ts";
import { confirm } from "../confirm.ts";
import { counted } from "../output.ts";

export async function clean(
  { output, home }: CommandContext,
  name: string,
  options: { readonly yes?: true },
): Promise<number> {
  const store = openStore(home);
  const runId = await findRun(store, name);
  if ((await engineOf(home, runId)) !== undefined) {
    throw new FailureError({
      class: "invalid",
      message: `${runId} is running`,
      hint: `\`reprise stop ${runId}\` first`,
    });
  }
  const open = await openDeployments(store, runId);
  if (open.length > 0) {
    throw new FailureError({
      class: "invalid",
      message: `${open.join(", ")} may still be up`,
      hint: `\`reprise teardown ${runId}\` first: its intents and receipt are part of the evidence`,
    });
  }
  let files = 0;
  let bytes = 0;
  for await (const entry of store.list(`${runPrefix(runId)}/`)) {
    files++;
    bytes += entry.bytes;
  }
  if (
    options.yes !== true &&
    !(await confirm(`delete ${counted(files, "file")} (${(bytes / 1e6).toFixed(1)} MB) of ${runId} for ever?`))
  )
    return 130;
  const outcomes = runKeys(runId).outcomes;
  for await (const entry of store.list(outcomes)) {
    await store.delete(sharedResultKey(entry.key.slice(outcomes.length, -".json".length), runId));
  }
  const keys: string[] = [];
  for await (const entry of store.list(`${runPrefix(runId)}/`)) keys.push(entry.key);
  for (const key of keys) await store.delete(key);
  output.result({ runId, files, bytes });
  output.line(`${runId}: ${counted(files, "file")} deleted; ${blobKey("…")} are shared with other runs and stay`);
  return 0;
}
