import { FailureError } from "../../core/errors/failure.ts";
import type { CommandContext } from "../context.ts";
import type { ImportOptions, Importer } from "../importer.ts";

const importers: Readonly<Record<string, () => Promise<Importer>>> = {
  duet: async () => (await import("./import-duet.ts")).importDuet,
  frankenpaxos: async () => (await import("./import-frankenpaxos.ts")).importFrankenpaxos,
};

export async function importResults(
  context: CommandContext,
  system: string,
  folder: string,
  options: ImportOptions,
): Promise<number> {
  const load = Object.hasOwn(importers, system) ? importers[system] : undefined;
  if (load === undefined) {
    throw new FailureError({
      class: "invalid",
      message: `no importer is named "${system}"`,
      hint: `there are ${Object.keys(importers).join(", ")}`,
    });
  }
  return (await load())(context, folder, options);
}
