import type { ContainerProgram } from "../definition/program.ts";
import type { Scope } from "../definition/expression/values.ts";
import type { UnitLimits } from "../ports/host-agent.ts";
import { shellWord } from "../supervision/shell-word.ts";

/** Where a process keeps which image it ran in, in its own folder. */
export const imageFile = "container.txt";

/** Variables of the supervisor's that a process in a container sees like any other. */
const hostVariables = ["RUN", "HOST", "UNIT", "EPOCH", "ATTEMPT", "ATTEMPT_DIR", "WORK"].map(
  (name) => `REPRISE_${name}`,
);

/** How long a harness may take after TERM to write what it has. */
const partialResultsSec = 5;

/** How long a container that nobody was left to remove may outlive its attempt's folder. */
const orphanSec = 30;

export interface ContainerInput {
  readonly program: ContainerProgram;
  readonly scope: Scope;
  /** The process's own script, which runs inside. */
  readonly script: string;
  /** Names of variables that are handed in; their values are no arguments, which everybody could read. */
  readonly variables: readonly string[];
  readonly limits: UnitLimits;
  /** Unique on the engine, which hosts of one machine may share. */
  readonly name: string;
  /** All containers of a host in a deployment have this label. */
  readonly label: string;
  /** In a duet: the pipes at which both sides meet once their containers are up. */
  readonly start: { readonly send: string; readonly wait: string; readonly first: "send" | "wait" } | undefined;
}

/**
 * The script that runs a process in a fresh container: create, start, exec, copy out, remove.
 *
 * When the process is stopped, everything in the container gets TERM and some seconds to write its results; they are copied
 * whatever happened. The exit code is the inner script's.
 */
export function inContainer(input: ContainerInput): string {
  const { program, scope, limits, name, label } = input;
  const engine = shellWord(program.engine(scope));
  const image = shellWord(program.image(scope));
  const create = [
    `--name ${shellWord(name)}`,
    `--label ${shellWord(label)}`,
    "--init",
    "--entrypoint sh",
    '--volume "$REPRISE_ATTEMPT_DIR:$REPRISE_ATTEMPT_DIR"',
    '--volume "$REPRISE_BUNDLE:$REPRISE_BUNDLE:ro"',
    '--volume "$REPRISE_SHARED:$REPRISE_SHARED"',
    ...(program.keep ? [] : ["--rm"]),
    ...(limits.cpus === undefined ? [] : [`--cpuset-cpus ${limits.cpus}`]),
    ...(limits.memoryBytes === undefined
      ? []
      : [`--memory ${limits.memoryBytes}`, `--memory-swap ${limits.memoryBytes + (limits.swapBytes ?? 0)}`]),
    ...program.options.map((option) => shellWord(option(scope))),
  ].join(" ");
  const variables = [...new Set([...hostVariables, ...input.variables])]
    .map((variable) => `--env ${variable}`)
    .join(" ");
  const copies = program.copy.map((path) => {
    const from = shellWord(`${name}:${path(scope)}`);
    return `  ${engine} cp ${from} . || echo "not copied out of the container: "${shellWord(path(scope))} >&2`;
  });
  return [
    'mkdir -p "$REPRISE_BUNDLE" "$REPRISE_SHARED"',
    // Inside, the folder is another: paths that were relative to the process's own are made whole.
    "export REPRISE_WORK=$PWD REPRISE_CONTEXT",
    ...["SEND", "WAIT"].map(
      (end) => `[ -z "\${REPRISE_BARRIER_${end}:-}" ] || export REPRISE_BARRIER_${end}="$PWD/$REPRISE_BARRIER_${end}"`,
    ),
    // The idle process outlives a TERM to all, or the container would end before results are out. It ends with the file:
    // what is killed can't remove its container, but the next reset, or teardown, removes the folder.
    `lives=$REPRISE_ATTEMPT_DIR/${shellWord(`.${name}`)}; : >"$lives"`,
    `idle='trap : TERM; while ${program.keep ? ":" : '[ -e "$1" ]'}; do sleep ${orphanSec}; done'`,
    "inner= stopped=",
    "finish() {",
    "  trap '' TERM INT",
    ...copies,
    ...(program.keep ? [] : [`  ${remove(engine, shellWord(name))}`]),
    '  rm -f "$lives"',
    "}",
    "stop() {",
    "  stopped=1",
    `  ${engine} exec ${shellWord(name)} sh -c 'kill -TERM -1' || :`,
    `  n=0; while [ -n "$inner" ] && kill -0 "$inner" 2>/dev/null && [ $n -lt ${partialResultsSec * 10} ]; do sleep 0.1; n=$((n + 1)); done`,
    '  [ -z "$inner" ] || kill -KILL "$inner" 2>/dev/null || :',
    "}",
    `${engine} create ${create} ${image} -c "$idle" idle "$lives" >/dev/null`,
    "trap finish EXIT",
    "trap stop TERM INT",
    `${engine} start ${shellWord(name)} >/dev/null`,
    `${engine} image inspect --format '{{.Id}} {{json .RepoDigests}}' ${image} >${imageFile}`,
    ...meet(input.start),
    `${engine} exec ${variables} ${shellWord(name)} sh -e -c ${shellWord(input.script)} &`,
    "inner=$!",
    "code=0; wait $inner || code=$?",
    // A trap ends a wait early: the process's own end is what counts.
    'if [ -n "$stopped" ]; then wait $inner && code=0 || code=$?; fi',
    "exit $code",
  ].join("\n");
}

/** Both containers are up before either side starts: making them takes longer than the sides may differ. */
function meet(start: ContainerInput["start"]): string[] {
  if (start === undefined) return [];
  const send = `8>${shellWord(start.send)}`;
  const wait = `9<${shellWord(start.wait)}`;
  return [
    `exec ${start.first === "send" ? `${send} ${wait}` : `${wait} ${send}`}`,
    "echo >&8 && read -r _ <&9",
    "exec 8>&- 9<&-",
  ];
}

/** At once: asked to remove a container that runs, podman first gives it ten seconds to heed TERM, which the idle process doesn't. */
const remove = (engine: string, names: string): string =>
  `${engine} kill ${names} >/dev/null 2>&1 || :; ${engine} rm --force --volumes ${names} >/dev/null 2>&1 || :`;

/** Removes what an earlier attempt's container left, and refuses a host with too small a disk for the images. */
export function prepareContainers(engine: string, label: string, diskFreeBytes: number | undefined): string {
  const words = shellWord(engine);
  return [
    `command -v ${words} >/dev/null || { echo "this host has no ${engine}: install it in a set-up step" >&2; exit 1; }`,
    `left=$(${words} ps --all --quiet --filter ${shellWord(`label=${label}`)})`,
    `[ -z "$left" ] || { ${remove(words, "$left")}; }`,
    ...(diskFreeBytes === undefined
      ? []
      : [
          `root=$(${words} info --format '{{.DockerRootDir}}' 2>/dev/null || ${words} info --format '{{.Store.GraphRoot}}' 2>/dev/null) || root=/`,
          `free=$(df -Pk "$root" | awk 'NR == 2 { print $4 }')`,
          `[ "$free" -ge ${Math.ceil(diskFreeBytes / 1024)} ] || {`,
          `  echo "too little disk for the images: ${Math.ceil(diskFreeBytes / 2 ** 20)} MiB are needed free in $root, and there are $((free / 1024)) MiB; ask for a larger disk under machine:" >&2`,
          "  exit 1",
          "}",
        ]),
  ].join("\n");
}
