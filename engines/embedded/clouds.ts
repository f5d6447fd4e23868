import type { Plan } from "../../core/plan/types.ts";
import type { Provider } from "../../core/ports/provider.ts";
import type { RemoteTask, Transport, CommandResult, HostAddress } from "../../core/ports/transport.ts";
import type { Cloud } from "../../providers/catalogue/machine-type.ts";
import { isCloud } from "../../providers/catalogue/machine-type.ts";
import type { CloudDeps, OpenedCloud } from "../../providers/cloud/open-cloud.ts";
import { openCloud } from "../../providers/cloud/open-cloud.ts";

/** The clouds that a plan's hosts are on, or may move to. */
export const plannedClouds = (plan: Plan): Cloud[] => [
  ...new Set(
    plan.deployments
      .flatMap((deployment) => [deployment, ...(deployment.alternatives ?? [])])
      .flatMap(({ hosts }) => hosts.map((host) => host.provider))
      .filter(isCloud),
  ),
];

/**
 * Opens a plan's clouds.
 *
 * @returns what makes them providers once the way to hosts is known
 * @throws FailureError class auth or invalid, when the environment doesn't say who we are in one of them
 */
export async function openPlannedClouds(
  plan: Plan,
  deps: Omit<CloudDeps, "hosts">,
): Promise<(hosts: Pick<Transport, "run">) => readonly Provider[]> {
  let way: Pick<Transport, "run"> | undefined;
  const hosts = {
    run: (host: HostAddress, task: RemoteTask<unknown>): Promise<CommandResult> => {
      if (way === undefined) throw new Error("hosts are reached before the way to them is known");
      return way.run(host, task);
    },
  };
  const opened = await Promise.all(plannedClouds(plan).map((cloud) => openCloud(cloud, { ...deps, hosts })));
  return (found) => {
    way = found;
    return opened.map(({ provider }) => provider);
  };
}

/**
 * Makes sure that somebody is logged in wherever a plan's hosts are to be made.
 *
 * @throws FailureError class auth, in the words of the first cloud that refuses
 */
export async function signInToClouds(plan: Plan, deps: Omit<CloudDeps, "hosts">): Promise<void> {
  const hosts = { run: (): Promise<never> => Promise.reject(new Error("there are no hosts yet")) };
  const opened: OpenedCloud[] = [];
  for (const cloud of plannedClouds(plan)) opened.push(await openCloud(cloud, { ...deps, hosts }));
  await Promise.all(opened.map((cloud) => cloud.signIn()));
}
