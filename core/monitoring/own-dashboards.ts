import type { Problem } from "../definition/problem.ts";
import type { LoadedDefinition } from "../definition/program.ts";
import type { Definition, MonitorPanelSpec } from "../definition/schema.ts";
import { monitorPanelsSchema } from "../definition/schema-monitoring.ts";
import { schemaProblems } from "../definition/schema-problems.ts";
import type { YamlSource } from "../definition/yaml-source.ts";
import { readYaml } from "../definition/yaml-source.ts";

/** What is wrong with the files that a definition's dashboards stand in. */
export function checkDashboards(
  { monitoring }: Pick<Definition, "monitoring">,
  source: YamlSource,
  readFile: (path: string) => string | undefined,
): readonly Problem[] {
  return Object.entries(monitoring?.dashboards ?? {}).flatMap(([name, panels]): readonly Problem[] => {
    if (typeof panels !== "string") return [];
    const text = readFile(panels);
    if (text === undefined) {
      const path = ["monitoring", "dashboards", name];
      return [source.problem(path, "no such file beside the definition", { value: panels })];
    }
    const read = readPanels(text, panels);
    return read.kind === "problems" ? read.problems : [];
  });
}

/** The panels of a definition's own dashboards, by name; those in files, too. */
export function ownDashboards({
  spec,
  files,
}: Pick<LoadedDefinition, "spec" | "files">): Readonly<Record<string, readonly MonitorPanelSpec[]>> {
  const written = Object.entries(spec.monitoring?.dashboards ?? {});
  return Object.fromEntries(
    written.map(([name, panels]) => {
      if (typeof panels !== "string") return [name, panels];
      const read = readPanels(files[panels] ?? "", panels); // reading the definition has seen that it is there, and right
      return [name, read.kind === "panels" ? read.panels : []];
    }),
  );
}

type ReadPanels =
  | { readonly kind: "panels"; readonly panels: readonly MonitorPanelSpec[] }
  | { readonly kind: "problems"; readonly problems: readonly Problem[] };

function readPanels(text: string, file: string): ReadPanels {
  const source = readYaml(text, file);
  if (!("value" in source)) return { kind: "problems", problems: source };
  const parsed = monitorPanelsSchema.safeParse(source.value);
  return parsed.success
    ? { kind: "panels", panels: parsed.data }
    : { kind: "problems", problems: schemaProblems(parsed.error.issues, monitorPanelsSchema, source) };
}
