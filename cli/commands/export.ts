import { FailureError } from "../../core/errors/failure.ts";
import type { CommandContext } from "../context.ts";
import { exportDuet } from "./export-duet.ts";
import type { ExportOptions } from "./export-duet.ts";

export async function exportResults(
  context: CommandContext,
  system: string,
  run: string,
  folder: string,
  options: ExportOptions,
): Promise<number> {
  if (system === "duet") return exportDuet(context, run, folder, options);
  throw new FailureError({
    class: "invalid",
    message: `no exporter is named "${system}"`,
    hint: "there is duet; `reprise results` writes tables, `reprise fetch` copies everything",
  });
}
