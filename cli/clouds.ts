import { existsSync } from "node:fs";
import type { Random } from "../core/effects/random.ts";
import { FailureError } from "../core/errors/failure.ts";
import type { Failure } from "../core/errors/failure.ts";
import type { Plan } from "../core/plan/types.ts";
import type { Provider } from "../core/ports/provider.ts";
import type { Transport } from "../core/ports/transport.ts";
import { systemClock } from "../engines/clock/system-clock.ts";
import { plannedClouds, signInToClouds } from "../engines/embedded/clouds.ts";
import type { Cloud } from "../providers/catalogue/machine-type.ts";
import { clouds } from "../providers/catalogue/machine-type.ts";
import { isConfigured, openCloud } from "../providers/cloud/open-cloud.ts";

const random: Random = { next: () => Math.random() };
const deps = { environment: process.env, clock: systemClock, random };

/** Clouds of which the environment says who we are there. */
export const configuredClouds = (): Cloud[] =>
  clouds.filter((cloud) => isConfigured(cloud, process.env, (path) => existsSync(path)));

/** Those that a plan needs and the environment doesn't speak of; nothing is asked of anybody. */
export const unconfiguredClouds = (plan: Plan): Cloud[] => {
  const configured = configuredClouds();
  return plannedClouds(plan).filter((cloud) => !configured.includes(cloud));
};

/** @throws FailureError class auth, when nobody is logged in to a cloud that the plan needs */
export const requireSignedIn = (plan: Plan): Promise<void> => signInToClouds(plan, deps);

/** The providers of those clouds that a plan needs and that the environment speaks of, for questions; hosts aren't reached. */
export async function openPlannedForQuestions(plan: Plan): Promise<Provider[]> {
  const configured = configuredClouds();
  const hosts = { run: () => Promise.reject(new Error("hosts aren't asked here")) };
  const asked = plannedClouds(plan).filter((cloud) => configured.includes(cloud));
  return Promise.all(asked.map(async (cloud) => (await openCloud(cloud, { ...deps, hosts })).provider));
}

/**
 * The providers of all configured clouds, for commands that look at everything that is there.
 *
 * @param hosts the way to hosts, for `extend`
 * @returns also the clouds that can't be opened, with the reason
 */
export async function openConfiguredClouds(hosts: Pick<Transport, "run">): Promise<{
  readonly providers: readonly Provider[];
  readonly refused: readonly { readonly cloud: Cloud; readonly failure: Failure }[];
}> {
  const providers: Provider[] = [];
  const refused: { readonly cloud: Cloud; readonly failure: Failure }[] = [];
  for (const cloud of configuredClouds()) {
    try {
      providers.push((await openCloud(cloud, { ...deps, hosts })).provider);
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      refused.push({ cloud, failure: error.failure });
    }
  }
  return { providers, refused };
}
