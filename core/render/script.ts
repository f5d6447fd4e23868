import type { TopologyHost } from "../plan/types.ts";
import { dirsOf } from "./scope.ts";

/** The JSON file that tells a process everything about its trial, in its own folder. */
export const contextFile = "reprise.json";

/** A mapping as JSON with a line for each field: readable still, and half of what one line for each value takes. */
export function jsonFields(fields: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [` ${JSON.stringify(name)}: ${JSON.stringify(value)}`],
  );
  return `{\n${lines.join(",\n")}\n}`;
}

/**
 * What a script begins with: folders as absolute paths, and an end at the first failing command.
 *
 * The supervisor says where its root is (`REPRISE_ROOT`); a script for another interpreter has the same variables,
 * relative to the folder it starts in.
 */
export function withPrelude(script: string): string {
  if (script.startsWith("#!")) return script;
  return `REPRISE_BUNDLE=$REPRISE_ROOT/bundle REPRISE_SHARED=$REPRISE_ROOT/shared REPRISE_CONTEXT=$PWD/${contextFile}; set -e
${script}`;
}

/** Variables that each process gets beside its own. */
export function commonEnv(input: {
  readonly host: TopologyHost;
  readonly toRoot: string;
  readonly index: number;
  readonly count: number;
  readonly trial?: {
    readonly pointKey: string;
    readonly trialIndex: number;
    readonly seed: number;
  };
}): Record<string, string> {
  const { host, trial } = input;
  const dirs = dirsOf(host, input.toRoot);
  return {
    REPRISE_CONTEXT: contextFile,
    REPRISE_BUNDLE: dirs.bundle,
    REPRISE_SHARED: dirs.shared,
    REPRISE_ROLE: host.role,
    REPRISE_INDEX: String(input.index),
    REPRISE_COUNT: String(input.count),
    ...(trial === undefined
      ? {}
      : {
          REPRISE_POINT: trial.pointKey,
          REPRISE_TRIAL: String(trial.trialIndex),
          REPRISE_SEED: String(trial.seed),
        }),
  };
}
