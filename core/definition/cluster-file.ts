import { z } from "zod";
import type { Problem } from "./problem.ts";
import type { GivenMachineSpec } from "./schema.ts";
import { givenMachineSchema } from "./schema.ts";
import { schemaProblems } from "./schema-problems.ts";
import { readYaml } from "./yaml-source.ts";

const clusterSchema = z.record(
  z.string(),
  z.array(z.union([z.string().min(1), givenMachineSchema.omit({ role: true })])).nonempty(),
);

/**
 * Reads a cluster file: roles with their machines, each an address or a mapping, as YAML or JSON.
 *
 * @see FrankenPaxos' cluster files, whose inner mapping this is
 */
export function readClusterFile(text: string, file: string): readonly GivenMachineSpec[] | readonly Problem[] {
  const source = readYaml(text, file);
  if (!("value" in source)) return source;
  const parsed = clusterSchema.safeParse(source.value);
  if (!parsed.success) return schemaProblems(parsed.error.issues, clusterSchema, source);
  return Object.entries(parsed.data).flatMap(([role, machines]) =>
    machines.map((machine) =>
      typeof machine === "string" ? { address: machine, role, port: 22, lane: 0 } : { ...machine, role },
    ),
  );
}

export const isClusterProblems = (
  result: readonly GivenMachineSpec[] | readonly Problem[],
): result is readonly Problem[] => result.some((item) => "message" in item);
