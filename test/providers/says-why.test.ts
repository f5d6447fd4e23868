/** Every class that a cloud's no can have, as the flow is told of it: each cloud in its own words, by the real SDK. */
import type { FailureClass } from "../../core/errors/failure.ts";
import type { Failure } from "../../core/errors/failure.ts";
import type { Intent, Place, Provider } from "../../core/ports/provider.ts";
import type { VirtualClock } from "../../engines/clock/virtual-clock.ts";
import type { Emulator, EmulatorOptions } from "../emulators/cloud.ts";
import type { CloudName } from "../emulators/common/cloud-name.ts";
import type { FaultRule } from "../emulators/common/faults.ts";
import { askFor, openAwsWorld, place as awsPlace } from "./aws/aws-world.ts";
import { azureWorld, deploymentIntents as azureIntents, eastus } from "./azure/azure-world.ts";
import { deploymentIntents as gcpIntents, gcpWorld, zoneA } from "./gcp/gcp-world.ts";

interface World {
  readonly clock: VirtualClock;
  readonly emulator: Emulator;
  readonly fresh: () => Provider;
}

type Options = Omit<EmulatorOptions, "clock" | "backend">;

const clouds: Readonly<
  Record<
    CloudName,
    {
      readonly open: (options: Options) => World;
      readonly place: Place;
      readonly ask: (now: number, spot: boolean) => Intent[];
      /** The call that asks for a machine. */
      readonly create: string;
      readonly refusals: Readonly<Partial<Record<Case, readonly [status: number, code: string]>>>;
      readonly options: Readonly<Partial<Record<Case, Options>>>;
    }
  >
> = {
  aws: {
    open: (options) => openAwsWorld(options),
    place: awsPlace,
    ask: (now, spot) => askFor(1, { now, shape: { spot } }),
    create: "RunInstances",
    refusals: {
      throttled: [503, "RequestLimitExceeded"],
      auth: [403, "UnauthorizedOperation"],
      invalid: [400, "InvalidParameterValue"],
      "spot price": [400, "SpotMaxPriceTooLow"],
    },
    options: {
      capacity: { aws: { capacity: [{ machines: 0 }] } },
      quota: { aws: { quotas: { onDemandVcpus: 1 } } },
    },
  },
  azure: {
    open: (options) => azureWorld(options),
    place: eastus,
    ask: (now, spot) => azureIntents("d1", 1, { now, shape: { spot } }),
    create: "PUT virtualMachines",
    refusals: {
      throttled: [429, "TooManyRequests"],
      auth: [403, "AuthorizationFailed"],
      invalid: [400, "InvalidParameter"],
      "spot price": [409, "SpotPriceGreaterThanProvidedMaxPrice"],
    },
    options: {
      capacity: { azure: { capacity: [{ machines: 0 }] } },
      quota: { azure: { quotas: { regionalCores: 1 } } },
    },
  },
  gcp: {
    open: (options) => gcpWorld(options),
    place: zoneA,
    ask: (now, spot) => gcpIntents("d1", 1, { now, shape: { spot } }),
    create: "compute.instances.*nsert",
    // Google's spot machines have no price to bid.
    refusals: { throttled: [403, "rateLimitExceeded"], auth: [403, "forbidden"], invalid: [400, "invalid"] },
    options: {
      capacity: { gcp: { capacity: [{ machines: 0 }] } },
      quota: { gcp: { quotas: { cpus: 1 } } },
    },
  },
};

type Case = "capacity" | "quota" | "throttled" | "auth" | "invalid" | "spot price" | "preempted" | "boot";

const classOf: Readonly<Record<Case, FailureClass>> = {
  capacity: "capacity",
  quota: "quota",
  throttled: "throttled",
  auth: "auth",
  invalid: "invalid",
  "spot price": "capacity",
  preempted: "preempted",
  boot: "boot",
};

/** Some answers say nothing of a machine's chances elsewhere: they are the flow's to wait out. */
function faultsOf(cloud: CloudName, what: Case): FaultRule[] {
  if (what === "preempted") return [{ on: "machine", fault: { kind: "interrupt", afterMs: 60_000 } }];
  if (what === "boot") return [{ on: "machine", fault: { kind: "fails", ...bootCodes[cloud] } }];
  const refusal = clouds[cloud].refusals[what];
  if (refusal === undefined) return [];
  const [status, code] = refusal;
  const fault = { kind: "error", when: "before", status, code, message: `the cloud says ${code}` } as const;
  return [{ on: "call", operation: clouds[cloud].create, count: 1_000, fault }];
}

const bootCodes: Readonly<Record<CloudName, { readonly code?: string; readonly message?: string }>> = {
  aws: { code: "Server.InternalError", message: "Server.InternalError: Internal error on launch" },
  azure: { code: "OSProvisioningTimedOut", message: "OS Provisioning did not finish in the allotted time." },
  gcp: { code: "INTERNAL_ERROR", message: "Internal error. Please try again or contact Google Support." },
};

/** Asks for a host and looks at it for ten minutes. @returns the first that the flow would hear of a failure */
async function firstFailure(world: World, cloud: CloudName, spot: boolean): Promise<Failure | undefined> {
  const { ask, place } = clouds[cloud];
  const intents = ask(world.clock.now(), spot);
  for (let looks = 0; looks < 60; looks++) {
    const provider = world.fresh();
    if (looks === 0) {
      const outcomes = await provider.ensure(intents, new AbortController().signal);
      const refused = outcomes.find((outcome) => outcome.kind === "refused");
      if (refused !== undefined) return refused.failure;
    }
    const failed = (await provider.observe("d1", place)).find(({ state }) => state === "failed");
    if (failed?.state === "failed") return failed.failure;
    await world.clock.sleep(10_000);
  }
  return undefined;
}

const cases = (Object.keys(clouds) as CloudName[]).flatMap((cloud) =>
  // the keys that it was written with
  (Object.keys(classOf) as Case[])
    .filter((what) => !(cloud === "gcp" && what === "spot price"))
    .map((what) => [cloud, what] as const),
);

describe("what a cloud's no means", () => {
  it.each(cases)("on %s: %s", async (cloud, what) => {
    const world = clouds[cloud].open({ faults: faultsOf(cloud, what), ...clouds[cloud].options[what] });
    const spot = what === "preempted" || what === "spot price";
    const failure = await world.clock.run(firstFailure(world, cloud, spot));
    expect({ cloud, what, failure }).toMatchObject({ failure: { class: classOf[what] } });
    expect(failure?.message).not.toBe("");
    expect(world.emulator.violations).toEqual([]);
  });
});
