import { ProblemList } from "../definition/problem-list.ts";
import type { LoadedDefinition } from "../definition/program.ts";
import { seededRandom, shuffled } from "../effects/random.ts";
import { FailureError } from "../errors/failure.ts";
import type { SweepSpec } from "../definition/schema.ts";
import { hostsOn } from "../render/known-hosts.ts";
import { pointScope } from "../render/scope.ts";
import { rehearse } from "../render/rehearse.ts";
import { orderBlocks } from "./blocks.ts";
import type { TrialSlot } from "./blocks.ts";
import type { MachineCatalogue } from "./catalogue.ts";
import { digestOf } from "./digest.ts";
import { planDeployment } from "./plan-deployments.ts";
import type { SweepPoint } from "./points.ts";
import { expandSweep } from "./points.ts";
import { cpusNeeded } from "./sides.ts";
import type { Selection } from "./select.ts";
import { readOnly, selectForFigure } from "./select.ts";
import { identityOf, trialKeyMaker, trialSeed } from "./trial-key.ts";
import type {
  Plan,
  PlannedBlock,
  PlannedComparison,
  PlannedDeployment,
  PlannedPoint,
  ResolvedSource,
} from "./types.ts";

/** What a plan needs beside the definition: found out before, so that planning itself asks nobody. */
export interface PlanInputs {
  readonly bundle: Plan["bundle"];
  /** By name, one for each of the definition's `sources:`. */
  readonly sources: Readonly<Record<string, ResolvedSource>>;
  readonly catalogue: MachineCatalogue;
  /** `--only SWEEP[:filter]`, any number; all sweeps when there are none and no figure. */
  readonly only?: readonly string[] | undefined;
  /** `--figure NAME`: the points that it needs. */
  readonly figure?: string | undefined;
  /** `--on PROVIDER`: instead of those that the definition names. */
  readonly on?: string | undefined;
}

/** Trials beyond this are refused before they fill memory. */
const maxTrials = 5_000_000;

/**
 * Makes the plan: points × trials with their keys, in the order in which they run, on hosts of known types.
 *
 * Pure: the same definition and inputs give the same plan, to the byte. Every command is rendered once on made-up
 * hosts, so that what can't be rendered is told now and not on a machine that costs money.
 *
 * @throws {DefinitionError} with everything in the definition that can't be planned
 * @throws {FailureError} class invalid, for a selection that names what isn't there
 */
export function planExperiment(definition: LoadedDefinition, inputs: PlanInputs): Plan {
  const { spec } = definition;
  for (const name of Object.keys(spec.sources)) {
    if (inputs.sources[name] === undefined) {
      throw new FailureError({ class: "defect", message: `source ${name} was not resolved before planning` });
    }
  }
  const selections = readSelections(definition, inputs);
  const builder = new PlanBuilder(definition, inputs);
  const problems = new ProblemList();
  for (const name of Object.keys(spec.sweeps)) {
    const own = selections?.filter((selection) => selection.sweep === name);
    if (own?.length === 0) continue;
    problems.try(() => builder.addSweep(name, own ?? [{ sweep: name, keeps: () => true }]));
  }
  problems.throwIfAny();
  const plan = builder.build(selections === undefined ? undefined : selectionWords(inputs));
  rehearse(definition, plan);
  return plan;
}

function readSelections(definition: LoadedDefinition, inputs: PlanInputs): readonly Selection[] | undefined {
  const only = (inputs.only ?? []).map((text) => readOnly(text, definition));
  const figure = inputs.figure === undefined ? [] : selectForFigure(inputs.figure, definition);
  return inputs.figure === undefined && only.length === 0 ? undefined : [...only, ...figure];
}

const selectionWords = (inputs: PlanInputs): string[] => [
  ...(inputs.only ?? []),
  ...(inputs.figure === undefined ? [] : [`figure ${inputs.figure}`]),
];

class PlanBuilder {
  readonly #definition: LoadedDefinition;
  readonly #inputs: PlanInputs;
  readonly #deployments = new Map<string, PlannedDeployment>();
  readonly #identities = new Map<string, Readonly<Record<string, string>>>();
  readonly #identityDigests = new Map<string, string>();
  readonly #points: PlannedPoint[] = [];
  readonly #blocks: PlannedBlock[] = [];
  readonly #seeds = new Map<number, number>();
  #trials = 0;

  constructor(definition: LoadedDefinition, inputs: PlanInputs) {
    this.#definition = definition;
    this.#inputs = inputs;
  }

  addSweep(name: string, selections: readonly Selection[]): void {
    const all = expandSweep(this.#definition, name);
    const points = all.filter((point) => selections.some((selection) => selection.keeps(point)));
    if (points.length === 0) {
      if (all.length === 0) this.#definition.fail(["sweeps", name], "has no points");
      const keys = all.map(({ key }) => key);
      this.#definition.fail(
        ["sweeps", name],
        "has no point that fits the selection",
        `it has ${keys.slice(0, 8).join(", ")}${keys.length > 8 ? `, … (${keys.length} in all)` : ""}`,
      );
    }
    const sweep = this.#definition.spec.sweeps[name];
    this.#trials += points.length * (sweep?.trials ?? 0) * (sweep?.compare === undefined ? 1 : 2);
    if (this.#trials > maxTrials) this.#definition.fail(["sweeps", name], `more than ${maxTrials} trials`);
    const deployment = this.#deployment(sweep?.deployment ?? Object.keys(this.#definition.spec.deployments)[0] ?? "");
    const compare = comparisonOf(sweep?.compare);
    const isDuet = compare?.mode === "duet";
    if (compare !== undefined) this.#checkCpus(name, compare, deployment);
    const planned = new Map<SweepPoint, ReadonlyMap<TrialSlot["arm"], Planned>>();
    for (const point of points) {
      const arms: readonly TrialSlot["arm"][] = point.arms === undefined || isDuet ? [undefined] : ["A", "B"];
      planned.set(point, new Map(arms.map((arm) => [arm, this.#addPoint(name, point, { arm, compare, deployment })])));
    }
    for (const slots of orderBlocks(this.#definition, name, points)) {
      const trials = slots.flatMap(({ point, arm, trialIndex }) => {
        const own = planned.get(point)?.get(arm);
        if (own === undefined) return [];
        return [{ point: own.index, trialIndex, trialKey: own.keyOf(trialIndex), seed: this.#seed(trialIndex) }];
      });
      this.#blocks.push({ deployment: deployment.name, trials });
    }
  }

  build(selection: readonly string[] | undefined): Plan {
    const { spec, files, digest } = this.#definition;
    return {
      schema: "reprise/plan@1",
      experiment: spec.name,
      title: spec.title ?? spec.name,
      definitionDigest: digest,
      bundle: this.#inputs.bundle,
      sources: this.#inputs.sources,
      deployments: [...this.#deployments.values()],
      points: this.#points,
      blocks: spec.mixSweeps ? shuffled(this.#blocks, seededRandom(spec.seed)) : this.#blocks,
      retries: spec.retries,
      stopAfterFailures: spec.stopAfterFailures,
      budgetDollars: spec.budget.dollars,
      maxDollarsPerHour: spec.budget.dollarsPerHour,
      files,
      identities: Object.fromEntries(this.#identities),
      selection,
    };
  }

  /** Two copies on too few CPUs measure each other: said before a machine costs money. */
  #checkCpus(sweep: string, compare: PlannedComparison, deployment: PlannedDeployment): void {
    const { services, jobs } = this.#definition.program;
    const on = [...services, ...jobs].filter(({ arm }) => arm === "each").flatMap((process) => process.on);
    const needed = cpusNeeded(compare);
    const small = hostsOn(deployment.hosts, on).find(({ shape }) => shape.vcpus < needed);
    if (small === undefined) return;
    this.#definition.fail(
      ["sweeps", sweep, "compare"],
      `${compare.mode === "duet" ? "a pair" : "a side"} needs ${needed} vCPUs, and ${small.name} (${small.shape.type}) has ${small.shape.vcpus}`,
      "take a larger machine, `mode: interleaved`, or `place: same` to share the CPUs on purpose",
    );
  }

  #addPoint(
    sweep: string,
    point: SweepPoint,
    {
      arm,
      compare,
      deployment,
    }: {
      readonly arm: TrialSlot["arm"];
      readonly compare: PlannedComparison | undefined;
      readonly deployment: PlannedDeployment;
    },
  ): Planned {
    const { program } = this.#definition;
    const arms = compare?.mode === "duet" ? point.arms : undefined;
    const parameters = arms?.A ?? (arm === undefined ? point.parameters : (point.arms?.[arm] ?? point.parameters));
    const hosts = deployment.hosts.filter((host) => host.lane === 0 || host.lane === "shared");
    // Variables are worth their time only where a duration asks for them.
    const scope = pointScope(this.#definition, parameters, hosts);
    const timeoutMs = program.timeoutMs(scope);
    const index = this.#points.length;
    this.#points.push({
      pointKey: arm === undefined ? point.key : `${point.key}+arm=${arm}`,
      sweep,
      deployment: deployment.name,
      parameters,
      timeoutMs,
      expectedMs: Math.min(timeoutMs, program.expectedMs?.(scope) ?? timeoutMs),
      ...(point.variant === undefined ? {} : { variant: point.variant }),
      ...(arm === undefined ? {} : { arm }),
      ...(arms === undefined ? {} : { arms }),
      ...(compare === undefined ? {} : { compare }),
    });
    const identity = this.#identityDigests.get(deployment.name) ?? "";
    return { index, keyOf: trialKeyMaker(identity, { parameters, partner: arms?.B, arm, compare }) };
  }

  #deployment(name: string): PlannedDeployment {
    const known = this.#deployments.get(name);
    if (known !== undefined) return known;
    const planned = planDeployment(this.#definition, name, { catalogue: this.#inputs.catalogue, on: this.#inputs.on });
    const identity = identityOf(this.#definition, planned, this.#inputs);
    this.#deployments.set(name, planned);
    this.#identities.set(name, identity);
    this.#identityDigests.set(name, digestOf(identity));
    return planned;
  }

  #seed(trialIndex: number): number {
    const known = this.#seeds.get(trialIndex);
    if (known !== undefined) return known;
    const seed = trialSeed(this.#definition.spec.seed, trialIndex);
    this.#seeds.set(trialIndex, seed);
    return seed;
  }
}

function comparisonOf(compare: SweepSpec["compare"]): PlannedComparison | undefined {
  if (compare === undefined) return undefined;
  const { mode, pattern, barrier, place, cpus } = compare;
  return { mode, pattern, barrier, place, ...(cpus === undefined ? {} : { cpus }) };
}

interface Planned {
  readonly index: number; // into the plan's points
  readonly keyOf: (trialIndex: number) => string;
}
