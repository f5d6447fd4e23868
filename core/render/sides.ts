import { shellWord } from "../supervision/shell-word.ts";
import type { StartOrder } from "../plan/sides.ts";
import { cpusNeeded } from "../plan/sides.ts";
import type { PlannedComparison } from "../plan/types.ts";
import type { Process } from "./processes.ts";

/** Where a duet's pipes are, in the attempt's folder. */
export const barrierFolder = "barrier";

/**
 * The two pipes between a job's processes of the same index: each side writes into its own and reads from the other's.
 *
 * A byte each way before an iteration brings both together; no third process takes part, and a partner that has ended is
 * seen at once, as the pipe's end. Pipes work between containers of a host, too.
 */
export const pipeOf = (process: Process, arm: "A" | "B"): string =>
  `${barrierFolder}/${process.program.name}-${process.index}.${arm.toLowerCase()}`;

/** Where both sides of a pair in containers meet once, when their containers are up. */
export const startPipeOf = (process: Process, arm: "A" | "B"): string => `${pipeOf(process, arm)}.start`;

/** A job that its partner waits for. */
export const meetsPartner = (process: Process): process is Process & { readonly arm: "A" | "B" } =>
  process.arm !== undefined && process.program.kind === "job";

/**
 * What a process knows of its side: which it is, who started first, its CPUs, and how to meet its partner.
 *
 * A opens `SEND` for writing first and B `WAIT` for reading: opening a pipe blocks until the other end is opened.
 */
export function sideEnv(input: {
  readonly process: Process;
  readonly arm: "A" | "B" | undefined;
  readonly order: StartOrder | undefined;
  readonly cpus: string | undefined;
  readonly compare: PlannedComparison | undefined;
}): Record<string, string> {
  const { process, arm, order, cpus, compare } = input;
  if (arm === undefined) return {};
  const other = arm === "A" ? "B" : "A";
  return {
    REPRISE_ARM: arm,
    ...(order === undefined ? {} : { REPRISE_ORDER: order }),
    ...(cpus === undefined ? {} : { REPRISE_CPUS: cpus }),
    ...(compare?.barrier === true && meetsPartner(process)
      ? { REPRISE_BARRIER_SEND: `../${pipeOf(process, arm)}`, REPRISE_BARRIER_WAIT: `../${pipeOf(process, other)}` }
      : {}),
  };
}

/** Makes the pipes that some processes of a host will meet at. */
export const makePipes = (
  processes: readonly Process[],
  compare: PlannedComparison | undefined,
): string | undefined => {
  const pipes = processes
    .filter(meetsPartner)
    .flatMap((process) => [
      ...(compare?.barrier === true ? [shellWord(pipeOf(process, process.arm))] : []),
      ...(process.program.container === undefined ? [] : [shellWord(startPipeOf(process, process.arm))]),
    ]);
  return pipes.length === 0 ? undefined : `mkdir -p ${barrierFolder}\nmkfifo -m 666 ${pipes.join(" ")}`;
};

/** Fails where the machine that came has fewer CPUs than the pair needs, whatever its type promised. */
export function cpuCheck(compare: PlannedComparison): string | undefined {
  const needed = cpusNeeded(compare);
  if (needed < 2) return undefined;
  const message = `too few CPUs: ${compare.mode === "duet" ? "a pair" : "a side"} needs ${needed}, and this host has`;
  return [
    "cpus=$(nproc --all 2>/dev/null || getconf _NPROCESSORS_ONLN)",
    `[ "$cpus" -ge ${needed} ] || { echo "${message} $cpus; take a larger machine, or place: same" >&2; exit 1; }`,
  ].join("\n");
}
