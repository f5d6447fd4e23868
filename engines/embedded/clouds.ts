import { randomUUID } from "node:crypto";
import { FailureError } from "../../core/errors/failure.ts";
import type { Plan, PlannedHost } from "../../core/plan/types.ts";
import type { Provider } from "../../core/ports/provider.ts";
import type { RemoteTask, Transport, CommandResult, HostAddress } from "../../core/ports/transport.ts";
import type { Cloud } from "../../providers/catalogue/machine-type.ts";
import { isCloud } from "../../providers/catalogue/machine-type.ts";
import type { CloudDeps, OpenedCloud } from "../../providers/cloud/open-cloud.ts";
import { openCloud } from "../../providers/cloud/open-cloud.ts";

/** The clouds that a plan's hosts are on, or may move to. */
export const plannedClouds = (plan: Plan): Cloud[] => [
  ...new Set(
    everyHost(plan)
      .map(({ provider }) => provider)
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

const everyHost = (plan: Plan): PlannedHost[] =>
  plan.deployments
    .flatMap((deployment) => [deployment, ...(deployment.alternatives ?? [])])
    .flatMap(({ hosts }) => hosts);

/**
 * The way to hosts that Systems Manager reaches; its SDK is loaded only where there may be some.
 *
 * `REPRISE_SSM_BUCKET` (`name` or `name/prefix`) names a bucket for output beyond what Systems Manager shows: hosts'
 * instance profiles need s3:PutObject below `{prefix}/output/`. Without it such output comes in pieces.
 */
export async function openSsmWay(
  needed: boolean,
  { environment, clock, random }: Omit<CloudDeps, "hosts">,
): Promise<Transport | undefined> {
  if (!needed) return undefined;
  const { openSsm } = await import("../../transports/ssm/index.ts");
  const text = environment["REPRISE_SSM_BUCKET"];
  if (text === undefined || text === "") return openSsm({ clock, random });
  const [{ openSsmBucket, parseBucket }, { createS3Client }] = await Promise.all([
    import("../../transports/ssm/s3-bucket.ts"),
    import("../../stores/s3/s3-store.ts"),
  ]);
  const endpoint = environment["AWS_ENDPOINT_URL_S3"] ?? environment["AWS_ENDPOINT_URL"];
  const client = createS3Client({
    region: environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1",
    ...(endpoint === undefined ? {} : { endpoint }),
  });
  return openSsm({ clock, random, bucket: openSsmBucket({ client, ...parseBucket(text), newId: randomUUID }) });
}

/** A plan on AWS: whether its hosts, which may be borrowed ones, are reached so stands with each of them. */
export const mayNeedSsm = (plan: Plan): boolean => plannedClouds(plan).includes("aws");

/**
 * Refuses hosts that an engine on this machine could never reach, before anything is made.
 *
 * @throws FailureError class invalid
 */
export function requireWays(plan: Plan): void {
  for (const { name, provider, reach, shape } of everyHost(plan)) {
    if (provider !== "aws") continue;
    if (reach === "ssm" && shape.options["instanceProfile"] === undefined)
      throw new FailureError({
        class: "invalid",
        message: `${name} is to be reached by Systems Manager and has no instance profile: its agent may not speak`,
        hint: "name one with AmazonSSMManagedInstanceCore: `machine: {options: {aws: {instanceProfile: …}}}`; a deployed control plane offers its own",
      });
    if (reach === "nat")
      throw new FailureError({
        class: "invalid",
        message: `${name} is to be reached from a fixed address, and this machine's isn't known to be one`,
        hint: "say `reach: open` or `reach: ssm`, or use a control plane deployed with a fixed address",
      });
  }
}

/**
 * Makes sure that somebody is logged in wherever a plan's hosts are to be made.
 *
 * @throws FailureError class auth, in the words of the first cloud that refuses; invalid for hosts that we can't reach
 */
export async function signInToClouds(plan: Plan, deps: Omit<CloudDeps, "hosts">): Promise<void> {
  requireWays(plan);
  const hosts = { run: (): Promise<never> => Promise.reject(new Error("there are no hosts yet")) };
  const opened: OpenedCloud[] = [];
  for (const cloud of plannedClouds(plan)) opened.push(await openCloud(cloud, { ...deps, hosts }));
  await Promise.all(opened.map((cloud) => cloud.signIn()));
}
