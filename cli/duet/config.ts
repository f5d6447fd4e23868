import { parseDocument } from "yaml";
import { z } from "zod";
import { builtInSuites } from "../../analysis/duet/read-results.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { suggest } from "../../core/definition/nearest-name.ts";

/**
 * The config of the original duet tool: `duetbench` for all, a block a duet, `A` and `B` in it. The nearest level's value
 * replaces the outer one's. What the original finds out while it runs, or never, is an error here.
 *
 * @see asynchronous-duet, duet/duetconfig.py; sections 2.1 and 2.2 of the duet description
 */
const seconds = z.int();
const repetitions = z.int().min(0);
const text = z.string();

const common = {
  image: text.optional(),
  results: z.array(text).min(1).optional(),
  run_base: text.optional(),
  syncduet_run_base: text.optional(),
  /** Read at every level, heeded in A and B only. */
  run: text.optional(),
};
const sideSchema = z.strictObject(common);
const ofDuets = {
  ...common,
  suite: text.optional(),
  remove_containers: z.boolean().optional(),
  duet_repetitions: repetitions.optional(),
  syncduet_repetitions: repetitions.optional(),
  sequential_repetitions: repetitions.optional(),
  timeout: seconds.optional(),
};
const duetSchema = z.strictObject({ ...ofDuets, A: sideSchema, B: sideSchema.optional() });
const globalSchema = z.strictObject({
  ...ofDuets,
  name: text.optional(),
  duets: z.array(z.string()).min(1),
  schedule: z.enum(["sequential", "randomized_interleaving_trials"]).default("sequential"),
  seed: z.int().min(0).nullish(),
  docker_command: text.default("docker"),
  verbose: z.boolean().default(false),
  artifacts: z.record(z.string().regex(/^[A-Za-z0-9_-]+$/, "not a file name"), text).default({}),
});

/** One side of a duet with everything inherited. */
export interface DuetSide {
  readonly image: string;
  readonly command: string;
  /** Undefined where it can't wait for its partner. */
  readonly synchronousCommand: string | undefined;
  readonly results: readonly string[];
}

export interface DuetBlock {
  readonly name: string;
  readonly suite: string;
  readonly a: DuetSide;
  /** Undefined: an A/A experiment. */
  readonly b: DuetSide | undefined;
  readonly repetitions: { readonly duet: number; readonly syncduet: number; readonly seqn: number };
  /** Of a whole run; undefined: none. */
  readonly timeoutSec: number | undefined;
  readonly removesContainers: boolean;
}

export interface DuetConfig {
  readonly name: string;
  /** 0 counts as absent, as in the original. */
  readonly seed: number | undefined;
  readonly isMixed: boolean;
  readonly engine: string;
  readonly artifacts: Readonly<Record<string, string>>;
  readonly duets: readonly DuetBlock[];
}

/**
 * Reads a config with its inheritance.
 *
 * @param fallbackName for configs of older versions, which have no name
 * @throws {FailureError} class invalid, with every problem of the file
 */
export function parseDuetConfig(source: string, file: string, fallbackName: string): DuetConfig {
  const document = parseDocument(source, { uniqueKeys: true });
  const problems: string[] = document.errors.map(({ message }) => message);
  const fail = (): never => {
    throw new FailureError({
      class: "invalid",
      message: `${file} is no duet config: ${problems.slice(0, 8).join("; ")}`,
      hint: "see the file's own tool: `duetbench` with `duets`, a block for each, `A` and maybe `B` in it",
    });
  };
  if (problems.length > 0) return fail();
  const top: unknown = document.toJS();
  if (typeof top !== "object" || top === null || !("duetbench" in top)) {
    problems.push("there is no block `duetbench`");
    return fail();
  }
  const blocks = top as Readonly<Record<string, unknown>>; // a mapping, as just seen
  const read = <T extends z.ZodType>(schema: T, value: unknown, where: string): z.output<T> | undefined => {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues)
      problems.push(`${[where, ...issue.path.map(String)].join(".")}: ${issue.message}`);
    return undefined;
  };
  const all = read(globalSchema, blocks["duetbench"], "duetbench");
  if (all === undefined) return fail();

  const seen = new Set<string>();
  const duets: DuetBlock[] = [];
  for (const name of all.duets) {
    if (name === "duetbench" || name === "artifacts") problems.push(`a duet can't be called ${name}`);
    else if (seen.has(name)) problems.push(`${name} is listed twice`);
    else if (!/^[A-Za-z0-9_.-]+$/.test(name)) problems.push(`${name}: letters, digits, _, - and . only`);
    else if (!(name in blocks)) problems.push(`${name} has no block`);
    else {
      const block = read(duetSchema, blocks[name], name);
      if (block !== undefined) duets.push(resolveDuet(name, block, all, problems));
    }
    seen.add(name);
  }
  if (problems.length > 0) return fail();
  return {
    name: all.name ?? fallbackName,
    seed: all.seed === null || all.seed === 0 ? undefined : all.seed,
    isMixed: all.schedule === "randomized_interleaving_trials",
    engine: all.docker_command,
    artifacts: all.artifacts,
    duets,
  };
}

function resolveDuet(
  name: string,
  block: z.output<typeof duetSchema>,
  all: z.output<typeof globalSchema>,
  problems: string[],
): DuetBlock {
  const suite = block.suite ?? all.suite ?? "";
  if (!builtInSuites.includes(suite)) {
    problems.push(`${name}: unknown suite "${suite}" (${suggest(suite, builtInSuites) ?? "none is known"})`);
  }
  const synchronous = block.syncduet_repetitions ?? all.syncduet_repetitions ?? 0;
  const side = (own: z.output<typeof sideSchema>, label: string): DuetSide => {
    const where = `${name}.${label}`;
    const nearest = <K extends keyof typeof common>(key: K) => own[key] ?? block[key] ?? all[key];
    const image = nearest("image");
    const results = nearest("results");
    if (image === undefined) problems.push(`${where}: no image`);
    if (results === undefined) problems.push(`${where}: no results`);
    if (own.run === undefined) problems.push(`${where}: no run`);
    const names = (results ?? []).map((path) => path.replace(/\/+$/, "").split("/").at(-1) ?? "");
    for (const [i, path] of (results ?? []).entries()) {
      if (!path.startsWith("/")) problems.push(`${where}: result ${path} is no absolute path`);
      if (names.indexOf(names[i] ?? "") !== i) problems.push(`${where}: result ${path} would overwrite another`);
    }
    const base = nearest("run_base");
    const syncBase = nearest("syncduet_run_base");
    if (synchronous > 0 && (syncBase === undefined || syncBase === "")) {
      problems.push(`${where}: synchronous repetitions, but no syncduet_run_base`);
    } else if (synchronous > 0 && syncBase?.includes("$$") !== true) {
      problems.push(`${where}: syncduet_run_base has no $$ for the barrier's name, so nothing would be synchronised`);
    }
    const join = (prefix: string | undefined): string =>
      [prefix ?? "", own.run ?? ""].filter((part) => part !== "").join(" ");
    return {
      image: image ?? "",
      command: join(base),
      synchronousCommand: syncBase === undefined || syncBase === "" ? undefined : join(syncBase),
      results: results ?? [],
    };
  };
  const timeout = block.timeout ?? all.timeout ?? 0;
  return {
    name,
    suite,
    a: side(block.A, "A"),
    b: block.B === undefined ? undefined : side(block.B, "B"),
    repetitions: {
      duet: block.duet_repetitions ?? all.duet_repetitions ?? 1,
      syncduet: synchronous,
      seqn: block.sequential_repetitions ?? all.sequential_repetitions ?? 0,
    },
    timeoutSec: timeout > 0 ? timeout : undefined,
    removesContainers: block.remove_containers ?? all.remove_containers ?? true,
  };
}
