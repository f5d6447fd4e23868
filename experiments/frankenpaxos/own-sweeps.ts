/** Which of our definitions and sweeps a published file belongs to. */

/** Definitions of this folder, by name. */
export const definitions = {
  compartmentalized: "frankenpaxos",
  nsdi: "frankenpaxos-nsdi",
  matchmaker: "frankenpaxos-matchmaker",
  mencius: "frankenpaxos-mencius",
} as const;

/**
 * Published files whose points are those of one of our own sweeps: figures of measured runs take them too.
 *
 * @see section 2.2 of the FrankenPaxos description
 */
const ownSweeps: Readonly<Record<string, string>> = {
  "compartmentalized_lt/bigger_values_results.csv": "compartmentalized-lt",
  "unreplicated_lt/bigger_values_results.csv": "unreplicated-lt",
  "batched_compartmentalized_lt/compartmentalized_results.csv": "batched-compartmentalized-lt",
  "ablation/compartmentalized_results.csv": "ablation",
  "batched_ablation/compartmentalized_results.csv": "batched-ablation",
  "vldb21_compartmentalized/read_scale/results.csv": "read-scale",
  "weak_read_scale/sequential_results.csv": "weak-read-scale",
  "batched_read_scale/results.csv": "batched-read-scale",
  "compartmentalized_skew/results.csv": "skew",
  "craq_skew/results.csv": "craq-skew",
  "scalog_lt/results.csv": "scalog-lt",
  "batched_compartmentalized_lt/unreplicated_results.csv": "batched-unreplicated-lt",
  // Of the EuroSys draft, whose own files the 2021 folders copy.
  "vldb21_compartmentalized/compartmentalized_lt/coupled_results.csv": "coupled-lt",
  "batched_compartmentalized_lt/coupled_results.csv": "batched-coupled-lt",
  "eurosys/fig2_batched_mencius_results.csv": "mencius-lt",
  "eurosys/fig2_batched_coupled_mencius_results.csv": "supermencius-lt",
  "nsdi/fig1_lt_multipaxos_results.csv": "fig1-multipaxos",
  "nsdi/fig1_lt_epaxos_results.csv": "fig1-epaxos",
  "nsdi/fig1_lt_simplebpaxos_results.csv": "fig1-bpaxos",
  "nsdi/fig2_ablation_simplebpaxos_results.csv": "fig2-bpaxos",
  "nsdi/fig2_ablation_superbpaxos_results.csv": "fig2-superbpaxos",
  // The script was left without thriftiness.
  "non_thrifty_lt/non_thrifty_results.csv": "matchmaker-lt",
};

/** Files that the upstream repository holds more than once; of each an import keeps one. */
const copies: readonly (readonly string[])[] = [
  [
    "vldb21_compartmentalized/compartmentalized_lt/coupled_results.csv",
    "vldb21_compartmentalized/ablation/coupled_results.csv",
    "eurosys/fig1_unbatched_coupled_multipaxos_results.csv",
    "eurosys/fig4_unbatched_coupled_multipaxos_results.csv",
  ],
  [
    "vldb21_compartmentalized/batched_compartmentalized_lt/coupled_results.csv",
    "vldb21_compartmentalized/batched_ablation/coupled_results.csv",
    "eurosys/fig1_batched_coupled_multipaxos_results.csv",
    "eurosys/fig4_batched_coupled_multipaxos_results.csv",
  ],
  ["vldb21_evelyn/scale_load/results.csv", "vldb21_evelyn/scale_replica/results.csv"],
  ["vldb20_matchmaker/lt/results.csv", "vldb20_matchmaker/non_thrifty_lt/thrifty_results.csv"],
];

export const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");

/** Whether the path ends with these whole names. */
const isAt = (path: string, end: string): boolean => path === end || path.endsWith(`/${end}`);

/** Whether it holds points of one of our own sweeps: of copies, that one counts. */
export const isOfOwnSweep = (path: string): boolean => Object.keys(ownSweeps).some((end) => isAt(path, end));

/** Our own sweep, or one that is named for the file. */
export function sweepOf(path: string): string {
  const own = Object.entries(ownSweeps).find(([end]) => isAt(path, end));
  return own?.[1] ?? slug(path.replace(/(?:_?results)?\.csv(?:\.gz)?$/, ""));
}

const known = new Map<string, readonly string[]>();

/** The sweeps that trials of this file may be in: its own, or that of a copy. */
export function sweepsOf(path: string): readonly string[] {
  const before = known.get(path);
  if (before) return before;
  const recording = recordingOf(path);
  const same = copies.find((one) => one.includes(path)) ?? [path];
  const sweeps = recording === undefined ? [...new Set(same.map(sweepOf))] : [recording.sweep];
  // Asked for each mark and trial of a figure.
  known.set(path, sweeps);
  return sweeps;
}

/** The definition whose run a file's trials go to; undefined where only its columns tell. */
export function definitionOfPath(path: string): string | undefined {
  if (/(?:^|\/)nsdi\//.test(path)) return definitions.nsdi;
  if (/(?:^|\/)vldb20_matchmaker\//.test(path)) return definitions.matchmaker;
  if (/(?:^|\/)eurosys\/fig2_/.test(path)) return definitions.mencius;
  return undefined;
}

/** The definition that has a protocol; the first one for what none of them has. */
export function definitionOfProtocol(protocol: unknown): string {
  switch (protocol) {
    case "epaxos":
    case "fastmultipaxos":
    case "simplebpaxos":
    case "superbpaxos":
      return definitions.nsdi;
    case "matchmakermultipaxos":
    case "horizontal":
      return definitions.matchmaker;
    case "mencius":
    case "supermencius":
      return definitions.mencius;
    default:
      return definitions.compartmentalized;
  }
}

/** What the name of a published time series says of its run. */
export interface PublishedRun {
  readonly sweep: string;
  readonly parameters: Readonly<Record<string, string | number>>;
}

/** Client processes and clients of each, by the number in the file's name. @see section 2.2, sets C3 */
const clientSets: Readonly<Record<number, readonly [processes: number, perProcess: number]>> = {
  1: [1, 1],
  4: [4, 1],
  8: [4, 2],
};

/** Of `vldb20_matchmaker/leader_failure/n4.csv.gz` and its like; undefined for other names. */
export function recordingOf(path: string): PublishedRun | undefined {
  const match = /(?:^|\/)vldb20_matchmaker\/(\w+)\/(?:f=?(\d)_?)?n=?(\d+)\.csv(?:\.gz)?$/.exec(path);
  if (match === null) return undefined;
  const [, folder = "", f = "1", clients = ""] = match;
  const [clientProcesses, clientsPerProcess] = clientSets[Number(clients)] ?? [1, Number(clients)];
  const driver = /leader_reconfiguration|matchmaker_reconfiguration|leader_failure|chaos/.exec(folder)?.[0];
  return {
    sweep: slug(folder),
    parameters: {
      protocol: folder.startsWith("horizontal") ? "horizontal" : "matchmakermultipaxos",
      f: Number(f),
      clientProcesses,
      clientsPerProcess,
      ...(driver === undefined ? {} : { driver }),
    },
  };
}
