import { exitCodes } from "../../core/errors/failure.ts";
import { fetchRun } from "../../core/evidence/fetch-run.ts";
import { localFiles } from "../../stores/export/local-files.ts";
import { findRun, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";
import { counted } from "../output.ts";

export async function fetch({ output, home }: CommandContext, name: string, folder: string): Promise<number> {
  const store = openStore(home);
  const runId = await findRun(store, name);
  const fetched = await fetchRun(store, runId, localFiles(folder));
  output.result({ runId, folder, ...fetched });
  output.line(
    `${counted(fetched.fetchedFiles, "file")} fetched (${(fetched.fetchedBytes / 1e6).toFixed(1)} MB), ${fetched.presentFiles} were there; check them with \`reprise verify ${folder}\``,
  );
  for (const key of fetched.damaged) output.line(`damaged in the store: ${key}`);
  return fetched.damaged.length > 0 ? exitCodes.integrity : 0;
}
