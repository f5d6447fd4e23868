import type { ResultName } from "./result-name.ts";

/**
 * One iteration as a harness reports it. Unix nanoseconds exceed what doubles hold exactly, so start and end are bigints;
 * durations fit. `iteration` counts from 0 whatever the harness does.
 */
export interface IterationTiming {
  /** The benchmark that the file itself names, where it does. */
  readonly benchmark: string | undefined;
  readonly iteration: number;
  /** Undefined for formats without an absolute clock: those support duration statistics only. */
  readonly startNs: bigint | undefined;
  readonly endNs: bigint | undefined;
  readonly timeNs: number;
  /** Whatever else the harness wrote, under its own names. */
  readonly extras: Readonly<Record<string, number | string>>;
}

/** Facts of the host, from the artifact files that stand beside results. */
export interface HostFacts {
  readonly date?: string | undefined;
  readonly hostname?: string | undefined;
  readonly uname?: string | undefined;
  /** CPU model. */
  readonly lscpu?: string | undefined;
  /** Total memory, as written: "16375728 kB". */
  readonly meminfo?: string | undefined;
}

/** A row of the unified table: an iteration, whose it was, and where it ran. */
export interface IterationRow extends IterationTiming, Omit<ResultName, "file" | "benchmark">, HostFacts {
  readonly benchmark: string;
  /** Kind of machine; from the host's name, or declared. */
  readonly environment: string | undefined;
}
