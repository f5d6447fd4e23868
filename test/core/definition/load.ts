import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { formatProblem } from "../../../core/definition/problem.ts";
import type { LoadedDefinition } from "../../../core/definition/program.ts";
import { readDefinition } from "../../../core/definition/read-definition.ts";
import type { MachineCatalogue } from "../../../core/plan/catalogue.ts";
import type { PlanInputs } from "../../../core/plan/plan-experiment.ts";

const fixtures = fileURLToPath(new URL("../../fixtures/definitions/", import.meta.url));

/** Every definition below `test/fixtures/definitions`, as `mage/wan-paired`. */
export const fixtureNames = (): string[] =>
  readdirSync(fixtures, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".yaml"))
    .map((path) => path.replace(/\.yaml$/, ""))
    .sort();

export const fixtureText = (name: string): string => readFileSync(`${fixtures}${name}.yaml`, "utf8");

/** Reads a fixture with the files beside it; fails the test with its problems. */
export function loadFixture(name: string, edit: (text: string) => string = (text) => text): LoadedDefinition {
  const folder = `${fixtures}${name.replace(/\/[^/]*$/, "")}/`;
  return loadText(edit(fixtureText(name)), (path) => {
    try {
      return readFileSync(`${folder}${path}`, "utf8");
    } catch {
      return undefined;
    }
  });
}

export function loadText(text: string, readFile?: (path: string) => string | undefined): LoadedDefinition {
  const result = readDefinition(text, "experiment.yaml", readFile);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.definition;
}

/** Knows every machine: types as asked for, else a made-up one of the size that was asked for. */
export const catalogue: MachineCatalogue = {
  resolve: (request) => ({
    type: request.type ?? `m${request.vcpu ?? 2}`,
    image: request.image ?? "debian-12",
    architecture: request.architecture ?? "x86_64",
    vcpus: request.vcpu ?? 2,
    memoryBytes: request.memoryBytes ?? 4 * 2 ** 30,
    spot: request.spot,
    disks: request.disks,
    options: request.options,
  }),
  defaultPlaces: (provider) => [{ region: `${provider}-1` }],
  dollarsPerHour: (provider) => (provider === "local" ? 0 : 0.1),
};

export const planInputs = (definition: LoadedDefinition, over: Partial<PlanInputs> = {}): PlanInputs => ({
  bundle: { sha256: "b".repeat(64), bytes: 1_024 },
  sources: Object.fromEntries(
    Object.entries(definition.spec.sources).map(([name, source]) => [
      name,
      { repository: source.repository, commit: "c".repeat(40), diffDigest: undefined },
    ]),
  ),
  catalogue,
  ...over,
});

/** A small definition with one field or another replaced: `definitionText({ sweeps: "{ s: {} }" })`. */
export function definitionText(over: Readonly<Record<string, string>> = {}): string {
  const fields: Record<string, string> = {
    reprise: "1",
    name: "small",
    parameters: "{ clients: 1, size: 10, mode: fast, node: { batch: 5, inner: { on: true } } }",
    deployments: "{ cluster: { roles: { server: {}, client: { count: 2 } } } }",
    trial: "{ jobs: { load: { on: client, run: 'true' } } }",
    sweeps: "{ load: { cross: { clients: [1, 2] } } }",
    ...over,
  };
  return Object.entries(fields)
    .map(([name, value]) => (value.includes("\n") ? `${name}:\n${value}` : `${name}: ${value}`))
    .join("\n");
}
