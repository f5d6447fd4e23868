import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./rig.ts";

/**
 * A copy of the quickstart with more patience: every call here is a process of its own, on a machine that may be busy; a
 * job that then starts late is tried again.
 *
 * @param options.jobsAwait a file of this machine: jobs begin their work when it is there
 * @param options.clientHosts with one there is no instant to agree on, for which a busy machine comes late. @default 2
 */
export function patientQuickstart(
  folder: string,
  options: { readonly jobsAwait?: string; readonly clientHosts?: 1 | 2 } = {},
): string {
  const experiment = join(mkdtempSync(join(folder, "experiment-")), "quickstart");
  cpSync(join(root, "experiments", "quickstart"), experiment, { recursive: true });
  const file = join(experiment, "experiment.yaml");
  const text = readFileSync(file, "utf8")
    .replace("timeout: 60s", "timeout: 600s")
    .replace("client: { count: 2 }", `client: { count: ${options.clientHosts ?? 2} }`);
  const { jobsAwait } = options;
  const waiting =
    jobsAwait === undefined
      ? text
      : text.replace('        exec node "$REPRISE_BUNDLE/src/client.mjs"', (start) =>
          [`        until [ -e ${jobsAwait} ]; do sleep 0.2; done`, start].join("\n"),
        );
  writeFileSync(file, `${waiting}\nretries: { transport: 20 }\n`);
  return experiment;
}
