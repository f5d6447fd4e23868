import type { JsonObject } from "../effects/json.ts";
import { isClusterProblems, readClusterFile } from "../definition/cluster-file.ts";
import type { LoadedDefinition } from "../definition/program.ts";
import { DefinitionError } from "../definition/problem.ts";
import type { Path } from "../definition/problem.ts";
import { parseDurationMs, parseSizeBytes } from "../definition/quantities.ts";
import { isJsonObject } from "../definition/json-values.ts";
import type { DeploymentSpec, GivenMachineSpec, MachineSpec, RoleSpec } from "../definition/schema.ts";
import type { DiskShape, MachineShape, Place } from "../ports/provider.ts";
import type { MachineCatalogue } from "./catalogue.ts";
import type { OnProvider } from "./place.ts";
import { isCloudProvider, readOn, readPlace } from "./place.ts";
import type { GivenMachine, PlannedAlternative, PlannedDeployment, PlannedHost, PlannedResource } from "./types.ts";

export interface DeploymentInputs {
  readonly catalogue: MachineCatalogue;
  /** `--on`: takes the place of every provider that the definition names, and of its places where it names some. */
  readonly on: string | undefined;
}

/** Freezes one deployment: which hosts, of which machine type and image, in which places. */
export function planDeployment(
  definition: LoadedDefinition,
  name: string,
  inputs: DeploymentInputs,
): PlannedDeployment {
  const spec = definition.spec.deployments[name];
  if (spec === undefined) throw new TypeError(`no deployment ${name}`); // sweeps' deployments were checked when read
  const at: Path = ["deployments", name];
  const planner = new DeploymentPlanner(definition, spec, at, inputs);
  const steps = definition.program.steps.filter((step) => step.deployments?.includes(name) ?? true);
  const alternatives = planAlternatives(definition, name, inputs);
  return {
    name,
    lanes: spec.lanes,
    places: planner.places(),
    hosts: planner.hosts(),
    setupStages: steps.reduce((most, step) => Math.max(most, step.stage + 1), 0),
    setupTimeoutMs: definition.program.setupTimeoutMs({}),
    leaseMs: parseDurationMs(spec.lease),
    ...(alternatives.length === 0 ? {} : { alternatives }),
    ...(spec.straddle === "nowhere" ? {} : { straddle: spec.straddle }),
    resources: planResources(definition, name),
  };
}

/** The deployment on each of its `fallback` providers. `--on` says where it goes, so then there is none. */
function planAlternatives(definition: LoadedDefinition, name: string, inputs: DeploymentInputs): PlannedAlternative[] {
  const spec = definition.spec.deployments[name];
  if (spec === undefined || inputs.on !== undefined) return [];
  return spec.fallback.map((provider) => {
    const there = new DeploymentPlanner(definition, spec, ["deployments", name], { ...inputs, on: provider });
    return { provider, places: there.places(), hosts: there.hosts() };
  });
}

function planResources(definition: LoadedDefinition, deployment: string): PlannedResource[] {
  return definition.program.resources
    .filter((resource) => resource.deployments?.includes(deployment) ?? true)
    .map((resource) => {
      const options = resource.options({});
      return {
        name: resource.name,
        kind: resource.kind,
        options: isJsonObject(options) ? options : {},
        timeoutMs: resource.timeoutMs({}),
      };
    });
}

class DeploymentPlanner {
  readonly #definition: LoadedDefinition;
  readonly #spec: DeploymentSpec;
  readonly #at: Path;
  readonly #inputs: DeploymentInputs;
  readonly #on: OnProvider | undefined;

  constructor(definition: LoadedDefinition, spec: DeploymentSpec, at: Path, inputs: DeploymentInputs) {
    this.#definition = definition;
    this.#spec = spec;
    this.#at = at;
    this.#inputs = inputs;
    this.#on = inputs.on === undefined ? undefined : readOn(inputs.on);
  }

  places(): Readonly<Record<string, readonly Place[]>> {
    const providers = new Set(Object.values(this.#spec.roles).map((role) => this.#provider(role)));
    return Object.fromEntries(
      [...providers].map((provider) => [
        provider,
        this.#placesAsked() ??
          this.#placesOf(this.#spec.places, provider, [...this.#at, "places"]) ??
          this.#inputs.catalogue.defaultPlaces(provider),
      ]),
    );
  }

  hosts(): PlannedHost[] {
    const lanes = Array.from({ length: this.#spec.lanes }, (_, lane) => lane);
    const roles = Object.entries(this.#spec.roles);
    return [
      ...lanes.flatMap((lane) =>
        roles.flatMap(([name, role]) => (role.scope === "lane" ? this.#roleHosts(name, role, lane) : [])),
      ),
      ...roles.flatMap(([name, role]) => (role.scope === "deployment" ? this.#roleHosts(name, role, "shared") : [])),
    ];
  }

  #roleHosts(name: string, role: RoleSpec, lane: number | "shared"): PlannedHost[] {
    const provider = this.#provider(role);
    const path = [...this.#at, "roles", name];
    const ownPlaces = this.#placesOf(role.places, provider, [...path, "places"]);
    const place = ownPlaces?.[0] ?? this.places()[provider]?.[0];
    if (place === undefined) {
      this.#definition.fail(path, `no place of ${provider} is known`, "name one or more under `places:`");
    }
    const shape = this.#shape(name, role, provider, place);
    const given = provider === "hosts" ? this.#given(name, role, lane) : undefined;
    const count = given?.length ?? role.count;
    const regions = new Set((ownPlaces ?? this.places()[provider] ?? []).map(({ region }) => region));
    const rates = this.#inputs.catalogue.rates?.(provider, [...regions], shape) ?? [];
    const swap = role.swap ?? this.#spec.swap;
    return Array.from({ length: count }, (_, index): PlannedHost => ({
      name: `${lane === "shared" || this.#spec.lanes === 1 ? "" : `l${lane}-`}${name}-${index}`,
      role: name,
      labels: [name, ...role.labels.filter((label) => label !== name)],
      lane,
      index,
      provider,
      shape,
      user: given?.[index]?.user ?? role.user ?? this.#spec.user ?? "reprise",
      packages: [...new Set([...(this.#spec.packages ?? []), ...(role.packages ?? [])])],
      sysctl: Object.fromEntries(
        Object.entries({ ...this.#spec.sysctl, ...role.sysctl }).map(([key, value]) => [key, String(value)]),
      ),
      swapBytes: swap === undefined ? undefined : parseSizeBytes(swap),
      mounts: [...(this.#spec.mounts ?? []), ...(role.mounts ?? [])],
      places: ownPlaces,
      given: given?.[index],
      facts: this.#definition.spec.facts,
      ...this.#reach(role, provider, path),
      dollarsPerHour: this.#inputs.catalogue.dollarsPerHour(provider, place, shape),
      ...(rates.length === 0 ? {} : { rates }),
    }));
  }

  /** Elsewhere than on AWS there is SSH alone: a definition that goes there by `--on` or `fallback` is taken at that. */
  #reach(role: RoleSpec, provider: string, at: Path): Pick<PlannedHost, "reach"> {
    const reach = role.reach ?? this.#spec.reach;
    if (reach === undefined || provider === "aws") return reach === undefined ? {} : { reach };
    if (reach === "ssm" && this.#on === undefined && isCloudProvider(provider)) {
      const where = role.reach === undefined ? this.#at : at;
      const hint = "leave it out, or say `on: aws`";
      this.#definition.fail(
        [...where, "reach"],
        `Systems Manager reaches hosts of AWS alone, not of ${provider}`,
        hint,
      );
    }
    return {};
  }

  #provider(role: RoleSpec): string {
    return this.#on?.provider ?? role.on ?? this.#spec.on ?? "local";
  }

  /** Those that `--on` names: they count for every role. */
  #placesAsked(): readonly Place[] | undefined {
    return this.#on === undefined || this.#on.places.length === 0 ? undefined : this.#on.places;
  }

  #placesOf(spec: RoleSpec["places"], provider: string, at: Path): readonly Place[] | undefined {
    if (spec === undefined || this.#placesAsked() !== undefined) return undefined;
    if (Array.isArray(spec)) {
      // A bare list speaks of the provider that the definition names; --on leaves it behind.
      return this.#inputs.on === undefined && isCloudProvider(provider)
        ? spec.map((place) => readPlace(provider, place))
        : undefined;
    }
    const own = spec[provider];
    if (own === undefined && this.#inputs.on === undefined && isCloudProvider(provider)) {
      this.#definition.fail(at, `no places of ${provider}`, `there are some of ${Object.keys(spec).join(", ")}`);
    }
    return own?.map((place) => readPlace(provider, place));
  }

  #shape(name: string, role: RoleSpec, provider: string, place: Place): MachineShape {
    const machine: MachineSpec = { ...this.#spec.machine, ...role.machine };
    const image = forProvider(role.image, provider) ?? forProvider(this.#spec.image, provider);
    const answer = this.#inputs.catalogue.resolve({
      provider,
      place,
      vcpu: machine.vcpu,
      memoryBytes: machine.memory === undefined ? undefined : parseSizeBytes(machine.memory),
      architecture: machine.arch,
      type: forProvider(machine.type, provider),
      image,
      spot: role.spot ?? this.#spec.spot ?? false,
      disks: disksOf(machine),
      options: machine.options?.[provider] ?? {},
    });
    if ("refused" in answer) {
      const where =
        role.machine === undefined && this.#spec.machine !== undefined ? this.#at : [...this.#at, "roles", name];
      this.#definition.fail([...where, "machine"], answer.refused, answer.hint);
    }
    return answer;
  }

  #given(name: string, role: RoleSpec, lane: number | "shared"): GivenMachine[] {
    const isHere = (machine: GivenMachineSpec): boolean =>
      machine.role === name && (lane === "shared" || machine.lane === lane);
    const inFile = this.#clusterMachines().filter(isHere);
    const machines = [...(this.#spec.machines ?? []).filter(isHere), ...inFile];
    // A cluster file says how many a role has: processes go round.
    if (machines.length < (inFile.length > 0 ? 1 : role.count)) {
      const where = lane === "shared" ? "" : ` in lane ${lane}`;
      this.#definition.fail(
        [...this.#at, "roles", name],
        `needs ${role.count} machines${where}, and ${machines.length} are given`,
        `list them under \`machines:\`, or in ${this.#spec.clusterFile ?? "a cluster file"} beside the definition`,
      );
    }
    return machines.map((machine) => ({
      address: machine.address,
      privateAddress: machine.privateAddress ?? machine.address,
      port: machine.port,
      user: machine.user,
      keyFile: machine.key,
      hostKey: machine.hostKey,
    }));
  }

  #clusterMachines(): readonly GivenMachineSpec[] {
    const file = this.#spec.clusterFile;
    if (file === undefined) return [];
    const text = this.#definition.files[file];
    if (text === undefined) return [];
    const machines = readClusterFile(text, file);
    if (isClusterProblems(machines)) throw new DefinitionError(machines);
    return machines;
  }
}

const forProvider = (
  value: string | Readonly<Record<string, string>> | undefined,
  provider: string,
): string | undefined => (typeof value === "string" || value === undefined ? value : value[provider]);

function disksOf(machine: MachineSpec): DiskShape[] {
  const more = (machine.disks ?? []).map((disk): DiskShape => ({
    kind: disk.kind,
    bytes: disk.size === undefined ? undefined : parseSizeBytes(disk.size),
    mount: disk.mount,
    fileSystem: disk.mount === undefined ? undefined : disk.fileSystem,
  }));
  if (machine.disk === undefined) return more;
  return [{ kind: "boot", bytes: parseSizeBytes(machine.disk), mount: undefined, fileSystem: undefined }, ...more];
}

/** A host without what has no part in a trial's identity: where it is, who logs in, what it costs. */
export const hostIdentity = (host: PlannedHost): JsonObject => ({
  role: host.role,
  labels: host.labels,
  scope: host.lane === "shared" ? "deployment" : "lane",
  index: host.index,
  machine: {
    type: host.shape.type,
    image: host.shape.image,
    architecture: host.shape.architecture,
    vcpus: host.shape.vcpus,
    memoryBytes: host.shape.memoryBytes,
    disks: host.shape.disks.map((disk) => ({ ...disk })),
    options: host.shape.options,
  },
  packages: host.packages,
  sysctl: host.sysctl,
  swapBytes: host.swapBytes,
  mounts: (host.mounts ?? []).map((mount) => ({ ...mount })),
});
