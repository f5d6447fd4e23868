import { stringify } from "yaml";
import { FailureError } from "../../core/errors/failure.ts";
import type { DuetBlock, DuetConfig, DuetSide } from "./config.ts";

/** Longest run where a config sets no limit: hosts don't stay for ever. */
const unlimitedSec = 24 * 3_600;

export interface ImportedDefinition {
  readonly name: string;
  /** `experiment.yaml`. */
  readonly definition: string;
  /** `figures.ts`. */
  readonly figures: string;
}

/**
 * A config of the original tool as a definition of ours: a sweep for each way of running and number of repetitions, with
 * the benchmarks as its points. What differs between benchmarks and sides stands in tables under `variables:`.
 *
 * Different on purpose: a failed run is tried again or reported, not left out; synchronous runs meet, or fail; facts of the
 * host are kept for each trial; a run that its time limit cuts is kept, as there, and is known by its results.
 *
 * @throws {FailureError} class invalid for what one definition can't hold: benchmarks of several suites, or result lists of
 * different lengths
 */
export function definitionOfConfig(config: DuetConfig, from: string): ImportedDefinition {
  const suites = new Set(config.duets.map(({ suite }) => suite));
  const [suite = ""] = suites;
  if (suites.size !== 1)
    refuse(`its duets are of ${suites.size} suites: ${[...suites].join(", ")}`, "split the file by suite");
  const copies = new Set(
    config.duets.flatMap((duet) => [duet.a, ...(duet.b ? [duet.b] : [])].map((side) => side.results.length)),
  );
  if (copies.size !== 1) refuse("its duets have result lists of different lengths", "split the file");

  const name = slugOf(config.name);
  const results = Array.from({ length: [...copies][0] ?? 0 }, (_, i) => i);
  const timeouts = config.duets.map((duet) => duet.timeoutSec ?? unlimitedSec);
  const isSynchronised = config.duets.some(({ repetitions }) => repetitions.syncduet > 0);
  const data = {
    reprise: 1,
    name,
    title: `${config.duets.length === 1 ? "A duet" : `${config.duets.length} duets`} of ${suite}`,
    parameters: {
      benchmark: {
        default: config.duets[0]?.name ?? "",
        choices: config.duets.map((duet) => duet.name),
      },
      side: { default: "A", choices: ["A", "B"] },
      method: { default: "duet", choices: ["duet", "syncduet", "seqn"] },
    },
    variables: {
      commands: tableOf(config.duets, (side) => side.command),
      ...(isSynchronised
        ? { synchronousCommands: tableOf(config.duets, (side) => side.synchronousCommand ?? "") }
        : {}),
      images: tableOf(config.duets, (side) => side.image),
      results: tableOf(config.duets, (side) => [...side.results]),
      timeoutSec: Object.fromEntries(config.duets.map((duet, i) => [duet.name, timeouts[i]])),
    },
    ...(config.seed === undefined ? {} : { seed: config.seed }),
    deployments: {
      main: {
        on: "local",
        roles: { box: { machine: { vcpu: 2 } } },
      },
    },
    trial: {
      // Beside the run itself: making containers, and copying what they left.
      timeout: "${{ vars.timeoutSec[params.benchmark] + 180 }}s",
      reset: [{ on: "box", run: artifactScript(config) }],
      jobs: {
        benchmark: {
          on: "box",
          run: isSynchronised ? synchronisedScript : plainScript,
          container: {
            image: "${{ vars.images[params.benchmark][params.side] }}",
            engine: config.engine,
            copy: results.map((i) => `\${{ vars.results[params.benchmark][params.side][${i}] }}`),
            ...(isSynchronised
              ? {
                  options: [
                    '${{ params.method == "syncduet" ? "--ipc=host" : "--ipc=private" }}',
                    '${{ params.method == "syncduet" ? "--volume=/dev/shm:/dev/shm" : "--ipc=private" }}',
                  ],
                }
              : {}),
            ...(config.duets.some((duet) => !duet.removesContainers) ? { keep: true } : {}),
          },
          collect: [
            ...new Set(config.duets.flatMap(({ a, b }) => [...a.results, ...(b?.results ?? [])].map(baseName))),
          ],
        },
      },
      collect: [{ on: "box", files: ["reset-0/artifacts/*"] }],
    },
    sweeps: sweepsOf(config),
    ...(config.isMixed ? { mixSweeps: true } : {}),
    figures: Object.fromEntries(
      ["forest", "interval-by-trials", "ridgelines"].map((figure) => [
        figure,
        { module: "figures.ts", needs: Object.keys(sweepsOf(config)) },
      ]),
    ),
  };
  const head = [
    `# Made by \`reprise import duet\` from ${from}. Choose where it runs under \`deployments:\`; hosts need the container`,
    "# engine and the images, by `packages:` and steps under `setup:`.",
  ];
  return {
    name,
    definition: `${head.join("\n")}\n${stringify(data, { lineWidth: 0, aliasDuplicateObjects: false, blockQuote: "literal" })}`,
    figures: figuresModule(suite, resultFile(config)),
  };
}

/** The harness gets TERM at its limit and writes what it has: such a run is shorter, not wrong. */
const limited = (command: string): string[] => [
  "code=0",
  `timeout -k 10 \${{ vars.timeoutSec[params.benchmark] }} sh -c ${command} || code=$?`,
  'if [ "$code" = 124 ]; then echo "stopped at its limit" >&2; code=0; fi',
];
const plainScript = [...limited("${{ vars.commands[params.benchmark][params.side] }}"), "exit $code", ""].join("\n");

/** A makes the barrier that the harness's agent waits at, B goes on when it is there. */
const synchronisedScript = [
  'command=${{ params.method == "syncduet" ? vars.synchronousCommands[params.benchmark][params.side] : vars.commands[params.benchmark][params.side] }}',
  "barrier=$REPRISE_RUN.${{ params.benchmark }}.$REPRISE_TRIAL.$REPRISE_ATTEMPT",
  'if [ -n "${REPRISE_BARRIER_SEND:-}" ]; then',
  '  if [ "$REPRISE_ARM" = A ]; then',
  '    /barrier/make-barrier "$barrier" 2',
  '    exec 8>"$REPRISE_BARRIER_SEND" 9<"$REPRISE_BARRIER_WAIT"',
  "  else",
  '    exec 9<"$REPRISE_BARRIER_WAIT" 8>"$REPRISE_BARRIER_SEND"',
  "  fi",
  "  echo >&8 && read -r _ <&9",
  // The harness's own words stand around the name, which has no slash and no ampersand.
  "  command=$(printf '%s' \"$command\" | sed 's/[$][$]/'\"$barrier\"'/g')",
  "fi",
  ...limited('"$command"'),
  'if [ -n "${REPRISE_BARRIER_SEND:-}" ] && [ "$REPRISE_ARM" = A ]; then /barrier/rm-barrier "$barrier" || :; fi',
  "exit $code",
  "",
].join("\n");

/** Host facts by name; one that can't be told is said so, and keeps nobody from measuring. */
function artifactScript(config: DuetConfig): string {
  const lines = Object.entries(config.artifacts).map(
    ([name, command]) => `(${command}) >artifacts/${name} || echo "no artifact ${name}" >&2`,
  );
  return ["mkdir -p artifacts", ...(lines.length === 0 ? ["date >artifacts/date"] : lines), ""].join("\n");
}

const methods = [
  { method: "duet", compare: { mode: "duet", pattern: "random" } },
  { method: "syncduet", compare: { mode: "duet", pattern: "random", barrier: true } },
] as const;

function sweepsOf(config: DuetConfig): Record<string, object> {
  const sweeps: Record<string, object> = {};
  const sequential = {
    method: "seqn",
    // Mixed runs of A and B aren't neighbours; else each pair runs in a row.
    compare: config.isMixed ? { mode: "independent" } : { mode: "interleaved", pattern: "AB" },
  } as const;
  for (const { method, compare } of [...methods, sequential]) {
    const groups = new Map<string, DuetBlock[]>();
    for (const duet of config.duets) {
      const trials = duet.repetitions[method];
      if (trials === 0) continue;
      const key = `${trials}${duet.b === undefined ? " same" : ""}`;
      groups.set(key, [...(groups.get(key) ?? []), duet]);
    }
    for (const [index, duets] of [...groups.values()].entries()) {
      const [first] = duets;
      if (first === undefined) continue;
      sweeps[index === 0 ? method : `${method}-${index + 1}`] = {
        set: { method },
        cross: { benchmark: duets.map((duet) => duet.name) },
        compare: { A: { side: "A" }, ...(first.b === undefined ? {} : { B: { side: "B" } }), ...compare },
        trials: first.repetitions[method],
        repeat: "adjacent",
      };
    }
  }
  if (Object.keys(sweeps).length === 0) refuse("no duet has a repetition", "set duet_repetitions");
  return sweeps;
}

function tableOf<T>(duets: readonly DuetBlock[], of: (side: DuetSide) => T): Record<string, { A: T; B: T }> {
  return Object.fromEntries(duets.map((duet) => [duet.name, { A: of(duet.a), B: of(duet.b ?? duet.a) }]));
}

const parsers: Readonly<Record<string, string>> = {
  renaissance: "parseRenaissance",
  dacapo: "parseDacapo",
  scalabench: "parseDacapo",
  speccpu: "parseSpecCpu",
};

/** The file that holds the iterations: SPEC leaves a folder of logs, of which the second is the measurement's. */
function resultFile(config: DuetConfig): string {
  const [duet] = config.duets;
  return duet?.suite === "speccpu" ? "002.log" : baseName(duet?.a.results[0] ?? "");
}

function figuresModule(suite: string, file: string): string {
  const parser = parsers[suite];
  const read = parser ?? "iterationsCsv";
  const find = suite === "speccpu" ? ", match: /\\.002\\.log$/" : "";
  return `/** Verdicts on ${suite}, benchmark by benchmark and method by method. */
import { ${["compareBenchmarks", "comparisonFigures", "contrastsOfBenchmarks", read, "readTrialIterations", "textParameter"].sort((a, b) => a.localeCompare(b)).join(", ")} } from "reprise/analysis";

export const [forest, intervalByTrials, ridgelines] = comparisonFigures({
  title: ${JSON.stringify(suite)},
  contrasts: async (trials) => {
    const rows = await readTrialIterations(trials, {
      suite: ${JSON.stringify(suite)},
      benchmark: (trial) => textParameter(trial, "benchmark"),
      file: ${JSON.stringify(file)}${find},
      read: ${read},
    });
    return contrastsOfBenchmarks(compareBenchmarks(rows), "time", ({ benchmark, type }) => \`\${benchmark}, \${type}\`);
  },
  estimator: "Per trial: ln(B/A) of steady iterations, paired by index where synchronised, else over the common time.",
});
`;
}

const baseName = (path: string): string => path.replace(/\/+$/, "").split("/").at(-1) ?? path;

const slugOf = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 40) || "duet";

function refuse(message: string, hint: string): never {
  throw new FailureError({ class: "invalid", message, hint });
}
