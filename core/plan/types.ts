import type { Json, JsonObject } from "../effects/json.ts";
import type { Failure, FailureClass } from "../errors/failure.ts";
import type { PhaseName } from "../names/keys.ts";
import type { Reach } from "../names/reach.ts";
import type { CollectRule, Unit } from "../ports/host-agent.ts";
import type { MachineShape, Place } from "../ports/provider.ts";
import type { HostAddress } from "../ports/transport.ts";
import type { HostRate, ImageRequest } from "./catalogue.ts";

/**
 * A plan: what a definition becomes once everything that can be known before a machine exists is known.
 *
 * Frozen in the store at the start of a run and never changed; machine types, images, sources and digests in it are
 * resolved. Addresses are not: they enter when a stage is rendered for a topology.
 */
export interface Plan {
  readonly schema: "reprise/plan@1";
  readonly experiment: string;
  readonly title: string;
  readonly definitionDigest: string;
  /** The experiment's folder as shipped to hosts: an uncompressed tar, kept as a blob. */
  readonly bundle: { readonly sha256: string; readonly bytes: number };
  readonly sources: Readonly<Record<string, ResolvedSource>>;
  readonly deployments: readonly PlannedDeployment[];
  readonly points: readonly PlannedPoint[];
  /** In the order in which they are to be run; a deployment's lanes take its blocks from the front. */
  readonly blocks: readonly PlannedBlock[];
  /** By class: how often a trial is tried in all, and what else the definition overrides. */
  readonly retries: Readonly<Partial<Record<FailureClass, number>>>;
  /** Ends the run after so many failed trials; undefined: never. */
  readonly stopAfterFailures: number | undefined;
  readonly budgetDollars: number | undefined;
  /** No deployment starts that costs more an hour. */
  readonly maxDollarsPerHour?: number | undefined;
  /** Texts of the files that the definition names (templates, cluster files), by path: rendering reads these alone. */
  readonly files?: Readonly<Record<string, string>> | undefined;
  /** By deployment: digests of all that goes into a trial's key beside its parameters, by part (`service server`). */
  readonly identities?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined;
  /** Families of images whose cloud couldn't be asked what they stand for: the run's first launch asks. @default none */
  readonly movingImages?: readonly ImageRequest[] | undefined;
  /** What was selected, when it isn't everything: the words of `--only` and `--figure`. */
  readonly selection?: readonly string[] | undefined;
}

export interface ResolvedSource {
  readonly repository: string | undefined;
  readonly commit: string | undefined;
  /** SHA-256 of the uncommitted diff, or of the tree where there is no repository; undefined when clean. */
  readonly diffDigest: string | undefined;
}

export interface PlannedDeployment {
  readonly name: string; // as in the definition
  readonly lanes: number;
  /** In the user's order; a whole deployment moves to the next when capacity or quota refuses. */
  readonly places: Readonly<Record<string, readonly Place[]>>; // by provider
  readonly hosts: readonly PlannedHost[];
  readonly setupStages: number;
  readonly setupTimeoutMs: number;
  /** From the first create to expiry if nobody extends. */
  readonly leaseMs: number;
  /** The same hosts on other clouds, in order, for when every place above has refused. */
  readonly alternatives?: readonly PlannedAlternative[] | undefined;
  /** How far apart its trials may be measured when its hosts are lost and made anew. @default "nowhere" */
  readonly straddle?: Straddle | undefined;
  /** Things of the definition's own that live as long as the deployment; `Experiment.renderResource` has their commands. */
  readonly resources?: readonly PlannedResource[] | undefined;
}

/** One cloud on which a deployment may go instead: hosts have the same names, and this cloud's machines. */
export interface PlannedAlternative {
  readonly provider: string;
  readonly places: PlannedDeployment["places"];
  readonly hosts: readonly PlannedHost[];
}

/**
 * What may differ within one deployment's results: nothing, the zone, the region too, or the cloud and machine type too.
 */
export const straddles = ["nowhere", "zones", "regions", "clouds"] as const;
export type Straddle = (typeof straddles)[number];

export interface PlannedResource {
  readonly name: string;
  /** "commands", or a built-in kind such as `aws:dynamodb-table`. */
  readonly kind: string;
  readonly options: JsonObject;
  readonly timeoutMs: number;
}

export interface PlannedHost {
  readonly name: string; // unique in the deployment: `server-0`, with several lanes `l2-server-0`
  readonly role: string;
  readonly labels: readonly string[]; // the role's name among them
  readonly lane: number | "shared";
  readonly index: number; // within role and lane
  readonly provider: string;
  readonly shape: MachineShape;
  readonly user: string;
  readonly packages: readonly string[];
  readonly sysctl: Readonly<Record<string, string>>;
  readonly swapBytes: number | undefined;
  /** For as long as it runs, dated prices; "unknown" is never taken for 0. */
  readonly dollarsPerHour: number | "unknown";
  /** In every region where it may be, by the prices of the day of planning. */
  readonly rates?: readonly HostRate[] | undefined;
  readonly mounts?: readonly { readonly device: string; readonly path: string; readonly options: string }[] | undefined;
  /** Places of this host alone, in order, where its role doesn't follow the deployment's (hosts spread over regions). */
  readonly places?: readonly Place[] | undefined;
  /** A machine that exists already (provider `hosts`). */
  readonly given?: GivenMachine | undefined;
  /** Commands whose first line of output is a version of what runs, by name. */
  readonly facts?: Readonly<Record<string, string>> | undefined;
  /** How the control side gets to it. @default what the control plane was set up for */
  readonly reach?: Reach | undefined;
}

export interface GivenMachine {
  readonly address: string;
  readonly privateAddress: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly keyFile: string | undefined;
  /** undefined: it must stand in known_hosts. */
  readonly hostKey: string | undefined;
}

export interface PlannedPoint {
  readonly pointKey: string; // readable and file-safe: `load.clients=4`
  readonly sweep: string;
  readonly deployment: string;
  readonly parameters: JsonObject;
  readonly timeoutMs: number;
  readonly expectedMs: number;
  /** The name on the axis of `variants:`. */
  readonly variant?: string | undefined;
  /** Which side of an A/B comparison it is, where each is a trial of its own. */
  readonly arm?: "A" | "B" | undefined;
  /** A duet: both sides' parameters, measured in one trial. `parameters` are A's. */
  readonly arms?: { readonly A: JsonObject; readonly B: JsonObject } | undefined;
  /** How its sides are measured, where it is of a comparison. */
  readonly compare?: PlannedComparison | undefined;
}

export interface PlannedComparison {
  readonly mode: "interleaved" | "duet" | "independent";
  readonly pattern: "ABBA" | "AB" | "random";
  readonly barrier: boolean;
  readonly place: "free" | "split" | "same";
  /** How many CPUs a side has; undefined: half of the machine's, or all with place "same". */
  readonly cpus?: number | undefined;
}

export interface PlannedTrial {
  readonly point: number; // index into Plan.points
  readonly trialIndex: number;
  readonly trialKey: string;
  readonly seed: number;
}

/** Trials that one lane runs one after another without letting go: an A/B pair, or a single trial. */
export interface PlannedBlock {
  readonly deployment: string;
  readonly trials: readonly PlannedTrial[];
}

/** Where a deployment's hosts are, once they exist. */
export interface Topology {
  readonly schema: "reprise/topology@1";
  readonly deployment: string; // the definition's name
  readonly deploymentId: string;
  readonly round: number;
  readonly hosts: readonly TopologyHost[];
  /** They are of the plan's n-th alternative, not of the machines that trial keys speak of. @default the deployment's own */
  readonly alternative?: number | undefined;
  /** These hosts belong to a kept deployment of another run, and go back to it (`--on-deployment`). */
  readonly lender?: { readonly runId: string; readonly deploymentId: string } | undefined;
}

export interface TopologyHost {
  readonly name: string;
  readonly role: string;
  readonly labels: readonly string[];
  readonly lane: number | "shared";
  readonly index: number;
  readonly provider: string;
  readonly place: Place;
  /** How other hosts of the same `network` reach it. */
  readonly privateAddress: string;
  /** How hosts elsewhere and the control side reach it. */
  readonly publicAddress: string;
  /** Hosts of the same network use private addresses among each other. */
  readonly network: string;
  /** Ports of this host handed out by rendering start here and are free for the run; hosts that share an address get disjoint ranges. */
  readonly portBase: number;
  readonly sshPort: number;
  readonly user: string;
  readonly hostKey: string;
  readonly machineType: string;
  /** As the cloud itself says. */
  readonly image: string;
  /** As the plan has it, where the cloud has another name for it. */
  readonly plannedImage?: string | undefined;
  /** The supervisor's folder on this host, absolute, where it is known; scripts find it by themselves otherwise. */
  readonly root?: string | undefined;
  /** The run whose key opens it, where that isn't this one. */
  readonly loginRunId?: string | undefined;
  /** Where it is reached by Systems Manager and not by its address. */
  readonly ssm?: HostAddress["ssm"];
  /** Its cloud may take it back, and says so on the host a moment before. */
  readonly spot?: true | undefined;
}

/** What one host does in one stage: a HostStep less what only the moment knows (fence, deadline, push target). */
export interface RenderedStep {
  readonly host: string;
  readonly units: readonly Unit[];
  readonly collect: readonly CollectRule[];
  /** Files to bring here before the units start, from the host that published them. */
  readonly fetches?: readonly FetchRule[] | undefined;
  /** Files to take from here once the units ended, by digest; all of them must be there. */
  readonly publishes?: readonly PublishRule[] | undefined;
}

/** Paths are relative to the supervisor's root. */
export interface PublishRule {
  readonly name: string;
  readonly path: string;
  /** Goes from host to host, never through the store. */
  readonly secret: boolean;
}

export interface FetchRule {
  readonly name: string;
  readonly fromHost: string;
  readonly fromPath: string;
  readonly path: string;
  readonly mode: string;
  readonly secret: boolean;
}

/** What one trial needs to render its stages. */
export interface TrialContext {
  readonly runId: string;
  readonly pointKey: string;
  readonly parameters: JsonObject;
  readonly trialIndex: number;
  readonly attempt: number;
  readonly seed: number;
  readonly lane: number;
  readonly topology: Topology;
}

export type CheckVerdict = { readonly name: string; readonly passed: boolean; readonly detail: string };

/** What `checks:` and `summary:` need of the landed files: streams by artifact path, `{host}/{path}`. */
export interface LandedFiles {
  readonly list: () => readonly { readonly host: string; readonly path: string; readonly bytes: number }[];
  readonly read: (host: string, path: string) => AsyncIterable<Uint8Array>;
}

/**
 * A definition with its plan, ready to be run: the one object that handlers ask.
 *
 * Pure and cheap to make again from the stored definition and plan, so that any process can pick a run up.
 */
export interface Experiment {
  readonly plan: Plan;
  /** How many stages the phase has for a point; services and jobs may be staged by `after:`. */
  stages(phase: Extract<PhaseName, "services" | "jobs">, point: PlannedPoint): number;
  renderSetup(deployment: string, stage: number, topology: Topology): readonly RenderedStep[];
  /** Steps of the lane's hosts and the shared ones that take part; hosts with nothing to do are left out. */
  renderTrial(phase: PhaseName, stage: number, trial: TrialContext): readonly RenderedStep[];
  /** One of the commands of a resource of kind "commands", on the host that runs it; nothing where it has no such command. */
  renderResource?(
    deployment: string,
    resource: string,
    verb: "create" | "ready" | "delete",
    topology: Topology,
  ): readonly RenderedStep[];
  check(point: PlannedPoint, files: LandedFiles): Promise<readonly CheckVerdict[]>;
  /** The metrics that are printed as a trial ends and stand in its row: numbers by name, units in the name. */
  summarize(point: PlannedPoint, files: LandedFiles): Promise<Readonly<Record<string, number>>>;
  /** A failure of a class the definition treats its own way. */
  classify(failure: Failure): Failure;
}

export type { Json };
