import type { Shape, ShapeScope } from "./expression/shape.ts";
import { anyShape, listShape, objectShape, scalarShape } from "./expression/shape.ts";
import type { Parameters } from "./parameters.ts";
import { shapeOfParameters, shapeOfPlanned } from "./parameters.ts";
import type { Definition } from "./schema.ts";

/** Roles and labels of all deployments: what `on:` and `hosts` may name. */
export function hostGroups(definition: Pick<Definition, "deployments">): string[] {
  const groups = new Set<string>();
  for (const deployment of Object.values(definition.deployments)) {
    for (const [name, role] of Object.entries(deployment.roles)) {
      groups.add(name);
      for (const label of role.labels) groups.add(label);
    }
  }
  return [...groups];
}

/** Names of a process's ports, fixed or handed out. */
export const portNames = (ports: readonly string[] | Readonly<Record<string, unknown>>): string[] =>
  Array.isArray(ports) ? [...(ports as readonly string[])] : Object.keys(ports); // an array of names, else a mapping by name

const hostBefore = { name: scalarShape, role: scalarShape, index: scalarShape };
const hostAfter: Readonly<Record<string, Shape>> = {
  ...hostBefore,
  address: scalarShape,
  privateAddress: scalarShape,
  publicAddress: scalarShape,
  lane: anyShape,
  user: scalarShape,
  sshPort: scalarShape,
  machineType: scalarShape,
  region: scalarShape,
  zone: anyShape,
};

/** What each kind of expression may name: the reference page is made from the same list. */
export interface Scopes {
  /** Values that hang on the point alone: counts, conditions, times, variables. */
  readonly point: ShapeScope;
  /** A fixed port of one process. */
  readonly port: ShapeScope;
  /** Everything a process of a trial may say. */
  readonly process: ShapeScope;
  /** A trial as a whole: events, collection, checks. */
  readonly trial: ShapeScope;
  readonly setup: ShapeScope;
  /** A file of a process may also ask for each process's folder. */
  readonly sweep: ShapeScope;
}

export function buildScopes(definition: Definition, parameters: Parameters): Scopes {
  const params = shapeOfParameters(parameters);
  const vars = objectShape(Object.fromEntries(Object.keys(definition.variables).map((name) => [name, anyShape])));
  const groups = hostGroups(definition);
  const hostsOf = (host: Shape): Shape =>
    objectShape(Object.fromEntries(groups.map((name) => [name, listShape(host)])));
  const point: ShapeScope = { params, vars, hosts: hostsOf(objectShape(hostBefore)) };

  const portShape = (ports: PortSpec): Shape =>
    objectShape(Object.fromEntries(portNames(ports).map((name) => [name, scalarShape])));
  const process = (ports: PortSpec): Shape =>
    objectShape({
      name: scalarShape,
      index: scalarShape,
      count: scalarShape,
      host: objectShape(hostAfter),
      address: scalarShape,
      ports: portShape(ports),
    });
  const processes = (specs: Readonly<Record<string, { readonly ports: PortSpec }>>): Shape =>
    objectShape(
      Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, listShape(process(spec.ports))])),
    );
  const sources = objectShape(
    Object.fromEntries(
      Object.keys(definition.sources).map((name) => [
        name,
        objectShape({ repository: anyShape, commit: anyShape, diff: anyShape, dir: scalarShape }),
      ]),
    ),
  );
  const dirs = objectShape({ bundle: scalarShape, shared: scalarShape });
  const run = objectShape({ id: scalarShape });
  const trial: ShapeScope = {
    params,
    vars,
    hosts: hostsOf(objectShape(hostAfter)),
    services: processes(definition.trial.services),
    jobs: processes(definition.trial.jobs),
    trial: objectShape({ index: scalarShape, seed: scalarShape, attempt: scalarShape }),
    point: objectShape({ key: scalarShape, sweep: scalarShape, variant: anyShape, arm: anyShape }),
    run,
    sources,
    dirs,
  };
  return {
    point,
    port: { ...point, self: objectShape({ index: scalarShape, count: scalarShape, host: objectShape(hostBefore) }) },
    trial,
    process: trial,
    setup: {
      hosts: hostsOf(objectShape(hostAfter)),
      planned: shapeOfPlanned(parameters),
      deployment: objectShape({ name: scalarShape, id: scalarShape }),
      self: objectShape({ index: scalarShape, count: scalarShape, host: objectShape(hostAfter) }),
      sources,
      dirs,
    },
    sweep: { params },
  };
}

/** As in `ports:`. */
type PortSpec = readonly string[] | Readonly<Record<string, unknown>>;

/** `self` of one process, whose own ports are known by name. */
export const selfShape = (ports: readonly string[], hasPorts: boolean): Shape =>
  objectShape({
    name: scalarShape,
    index: scalarShape,
    count: scalarShape,
    host: objectShape(hostAfter),
    address: scalarShape,
    arm: anyShape,
    ...(hasPorts ? { ports: objectShape(Object.fromEntries(ports.map((name) => [name, scalarShape]))) } : {}),
  });
