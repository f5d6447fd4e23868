import { z } from "zod";
import { isJsonObject } from "./json-values.ts";
import type { Problem } from "./problem.ts";
import type { GivenMachineSpec } from "./schema.ts";
import { givenMachineSchema } from "./schema-hosts.ts";
import { schemaProblems } from "./schema-problems.ts";
import { readYaml } from "./yaml-source.ts";

const clusterSchema = z.record(
  z.string(),
  z.array(z.union([z.string().min(1), givenMachineSchema.omit({ role: true })])).nonempty(),
);
type Cluster = z.infer<typeof clusterSchema>;

/** FrankenPaxos' cluster files have such a mapping for each number of failures to be tolerated. */
const byFailuresSchema = z.record(z.string().regex(/^\d+$/), clusterSchema);

/**
 * Reads a cluster file: roles with their machines, each an address or a mapping, as YAML or JSON.
 *
 * FrankenPaxos' own files are read as they are: of a role's lists for several numbers of failures the longest counts, and
 * `proxy_leaders` is the role `proxy-leaders`.
 */
export function readClusterFile(text: string, file: string): readonly GivenMachineSpec[] | readonly Problem[] {
  const source = readYaml(text, file);
  if (!("value" in source)) return source;
  const { value } = source;
  if (isJsonObject(value) && Object.keys(value).length > 0 && Object.keys(value).every((key) => /^\d+$/.test(key))) {
    const parsed = byFailuresSchema.safeParse(value);
    if (!parsed.success) return schemaProblems(parsed.error.issues, byFailuresSchema, source);
    const longest: Record<string, Cluster[string]> = {};
    for (const [role, machines] of Object.values(parsed.data).flatMap((cluster) => Object.entries(cluster)))
      if (machines.length > (longest[role]?.length ?? 0)) longest[role] = machines;
    const odd = Object.entries(parsed.data).flatMap(([failures, cluster]) =>
      Object.entries(cluster)
        .filter(([role, machines]) => !beginsWith(longest[role] ?? [], machines))
        .map(([role]) =>
          source.problem([failures, role], "other machines than for another number of failures", {
            value: role,
            hint: "one deployment serves all points: each list begins with the machines of the shorter ones, in their order",
          }),
        ),
    );
    return odd.length > 0 ? odd : machinesOf(longest);
  }
  const parsed = clusterSchema.safeParse(value);
  if (!parsed.success) return schemaProblems(parsed.error.issues, clusterSchema, source);
  return machinesOf(parsed.data);
}

const machinesOf = (cluster: Cluster): readonly GivenMachineSpec[] =>
  Object.entries(cluster).flatMap(([name, machines]) => {
    const role = name.replaceAll("_", "-");
    return machines.map((machine) =>
      typeof machine === "string" ? { address: machine, role, port: 22, lane: 0 } : { ...machine, role },
    );
  });

const beginsWith = (all: readonly unknown[], first: readonly unknown[]): boolean =>
  first.every((machine, at) => JSON.stringify(machine) === JSON.stringify(all[at]));

export const isClusterProblems = (
  result: readonly GivenMachineSpec[] | readonly Problem[],
): result is readonly Problem[] => result.some((item) => "message" in item);
