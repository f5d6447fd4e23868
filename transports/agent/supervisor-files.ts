import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** What a host is given: the same bytes for every host of a run. */
export interface SupervisorFiles {
  readonly script: Uint8Array;
  readonly uploader: Uint8Array;
}

/** Reads them from where the package keeps them; a bundle that has them elsewhere says where. */
export async function readSupervisorFiles(
  folder = fileURLToPath(new URL("../../supervisor/", import.meta.url)),
): Promise<SupervisorFiles> {
  const [script, uploader] = await Promise.all([readFile(`${folder}/supervisor.sh`), readFile(`${folder}/put.mjs`)]);
  return { script, uploader };
}
