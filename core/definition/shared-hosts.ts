import type { Path } from "./problem.ts";
import type { Report } from "./parameters.ts";
import type { Definition } from "./schema.ts";

/**
 * Trials must leave hosts alone that all lanes share: a host obeys the newest trial it has heard of and ends what an
 * older one left, so that two lanes' trials would end each other.
 */
export function checkSharedHosts(definition: Definition, report: Report): void {
  const shared = sharedRoles(definition);
  if (shared.size === 0) return;
  for (const [path, on] of trialPlacements(definition.trial)) {
    const isOne = typeof on === "string";
    for (const [index, name] of (isOne ? [on] : on).entries()) {
      const deployment = shared.get(name);
      if (deployment === undefined) continue;
      report(
        isOne ? path : [...path, index],
        `these hosts serve all lanes of deployment \`${deployment}\`, whose trials would end each other's processes there`,
        { value: name, hint: "start it in `setup:`, give the role `scope: lane`, or use one lane" },
      );
    }
  }
}

/** Roles and labels of hosts that trials of several lanes would meet on, with a deployment that has them. */
function sharedRoles(definition: Definition): ReadonlyMap<string, string> {
  const shared = new Map<string, string>();
  for (const [deployment, { lanes, roles }] of Object.entries(definition.deployments)) {
    if (lanes === 1) continue;
    for (const [role, { scope, labels }] of Object.entries(roles)) {
      if (scope === "deployment") for (const name of [role, ...labels]) shared.set(name, deployment);
    }
  }
  return shared;
}

type Placement = readonly [Path, string | readonly string[]];

function trialPlacements({ services, jobs, reset, collect, events }: Definition["trial"]): readonly Placement[] {
  const named = (kind: string, specs: Readonly<Record<string, { readonly on: Placement[1] }>>): Placement[] =>
    Object.entries(specs).map(([name, { on }]) => [["trial", kind, name, "on"], on]);
  const listed = (kind: string, specs: readonly { readonly on: Placement[1] }[]): Placement[] =>
    specs.map(({ on }, index) => [["trial", kind, index, "on"], on]);
  return [
    ...named("services", services),
    ...named("jobs", jobs),
    ...listed("reset", reset),
    ...listed("collect", collect),
    ...events.flatMap(({ run }, index): Placement[] =>
      run === undefined ? [] : [[["trial", "events", index, "run", "on"], run.on]],
    ),
  ];
}
