import type { Clock } from "../../core/effects/clock.ts";
import type { Random } from "../../core/effects/random.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { Capabilities, MachineShape, Place, Provider } from "../../core/ports/provider.ts";
import { createPacer } from "../cloud/pacer.ts";
import { describeMachines, readQuota, resolveImage } from "./catalogue.ts";
import type { MachineDescription, QuotaRow } from "./catalogue.ts";
import { openComputeApi } from "./compute-api.ts";
import type { ComputeApi, GoogleRequester } from "./compute-api.ts";
import { connectPeers } from "./connect.ts";
import { beginDelete, destroyAll } from "./destroy.ts";
import { ensureAll } from "./ensure.ts";
import { toFailureError } from "./errors.ts";
import { extendLeases } from "./extend.ts";
import { statesOf } from "./observe.ts";
import { takeSnapshot } from "./snapshot.ts";
import { findResources } from "./sweep.ts";

export interface GcpProviderDeps {
  readonly auth: GoogleRequester;
  readonly project: string;
  readonly clock: Clock;
  readonly random: Random;
  /** @default "https://compute.googleapis.com" */
  readonly endpoint?: string;
  /** From where hosts may be reached by SSH, CIDR. @default everywhere: keys alone open them */
  readonly sshSources?: readonly string[];
  /** Hosts can open connections to the control side. @default false: a laptop's address leads nowhere */
  readonly reachesControl?: boolean;
}

/** Google Cloud as a provider, and what planning asks of it. */
export interface GcpProvider extends Provider {
  quota(place: Place, shapes?: readonly MachineShape[]): Promise<readonly QuotaRow[]>;
  describeMachines(place: Place, types: readonly string[]): Promise<readonly MachineDescription[]>;
  resolveImage(place: Place, image: string, architecture: MachineShape["architecture"]): Promise<string>;
}

/** How long lists may miss what was made. Google promises no time; operations are listed at once, and bridge it. */
const visibilityDelayMs = 60_000;
/** How long one call asks again for what it can't find to delete. */
const unseenMs = 15_000;

const capabilities: Omit<Capabilities, "reachesControl"> = {
  spot: true,
  hostKiller: true, // the lease on the host, and Google's termination time behind it: see `terminationOf`
  createsHosts: true,
  nameLimit: 63,
  visibilityDelayMs,
};

/** Google allows 1,500 requests of a kind a minute and region; other programs want some of them. */
const pace = { ratePerSec: 20, burst: 100 };

/**
 * Compute Engine behind `Provider`.
 *
 * It remembers nothing: what exists is known by labels and names, what became of a call by Google's own record of
 * operations. So any engine, at any time, goes on where another one was cut off.
 */
export function createGcpProvider(deps: GcpProviderDeps): GcpProvider {
  const { clock } = deps;
  const wire = {
    endpoint: "https://compute.googleapis.com",
    ...deps,
    pacer: createPacer({ ...pace, clock }),
  };
  const sshSources = deps.sshSources ?? ["0.0.0.0/0"];

  /** Google's refusals leave as failures. */
  const call = async <T>(doing: string, work: (api: ComputeApi) => Promise<T>, signal?: AbortSignal): Promise<T> => {
    const end = new AbortController();
    try {
      return await work(
        openComputeApi(wire, signal === undefined ? end.signal : AbortSignal.any([signal, end.signal])),
      );
    } catch (error) {
      throw toFailureError(error, doing);
    } finally {
      end.abort(); // when one of several requests has failed, the others don't go on behind the answer
    }
  };

  return {
    name: "gcp",
    capabilities: { ...capabilities, reachesControl: deps.reachesControl ?? false },
    ensure: (intents, signal) =>
      call("create hosts", (api) => ensureAll(intents, { api, clock, sshSources, signal }), signal),
    observe: (deployment, place) =>
      call(`list ${deployment}`, async (api) =>
        statesOf(await takeSnapshot(deployment, place, api), clock.now(), visibilityDelayMs),
      ),
    connect: (deployment, place, peers) =>
      call(`connect ${deployment}`, (api) => connectPeers(deployment, place, peers, api)),
    extend: (deployment, place, expiresAt) =>
      call(`extend ${deployment}`, (api) => extendLeases(deployment, place, expiresAt, api)),
    beginDestroy: (deployment, place) =>
      call(`delete ${deployment}`, (api) => destroyAll(deployment, place, { api, clock, unseenMs })),
    async *sweep(scope) {
      yield* await call("list resources", (api) => findResources(scope, api));
    },
    async destroyResource({ id }) {
      await call(`delete ${id}`, (api) => beginDelete(id, api));
    },
    quota: (place, shapes = []) => call(`tell quotas of ${place.region}`, (api) => readQuota(place, shapes, api)),
    describeMachines: (place, types) => call("describe machines", (api) => describeMachines(place, types, api)),
    resolveImage: (_place, image, architecture) =>
      call(`find the image ${image}`, (api) => resolveImage(image, architecture, deps.project, api)),
  };
}

/** @throws FailureError class invalid, for what is no project id */
export function checkProject(project: string | undefined): string {
  if (project !== undefined && /^([a-z][-a-z0-9.]*:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$/.test(project)) return project;
  throw new FailureError({
    class: "invalid",
    message: project === undefined ? "no Google Cloud project is named" : `not a Google Cloud project: "${project}"`,
    hint: "set GOOGLE_CLOUD_PROJECT",
  });
}
