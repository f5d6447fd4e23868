import { requireModules } from "../check-figures.ts";
import { requireReadableScripts } from "../check-scripts.ts";
import { loadExperiment } from "../load.ts";
import type { CommandContext } from "../context.ts";
import { counted } from "../output.ts";

export async function validate({ output, home }: CommandContext, name: string): Promise<number> {
  const { definition, folder, plan } = await loadExperiment(name, {}, home);
  requireModules(definition, folder.folder);
  requireReadableScripts(definition, plan);
  const trials = plan.blocks.reduce((sum, block) => sum + block.trials.length, 0);
  output.result({ valid: true, experiment: plan.experiment, points: plan.points.length, trials });
  output.line(`${definition.file}: valid, ${counted(plan.points.length, "point")}, ${counted(trials, "trial")}`);
  return 0;
}
