import { execFile } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { BundledFile } from "../core/bundle/tar.ts";
import { buildTar } from "../core/bundle/tar.ts";
import { canonicalJson, valueAt } from "../core/definition/json-values.ts";
import { DefinitionError } from "../core/definition/problem.ts";
import type { LoadedDefinition } from "../core/definition/program.ts";
import { readDefinition } from "../core/definition/read-definition.ts";
import type { Setting } from "../core/definition/set-parameters.ts";
import { withParameters } from "../core/definition/set-parameters.ts";
import { FailureError } from "../core/errors/failure.ts";
import { messageOf } from "../core/errors/reprise-error.ts";
import { bundledSources } from "../core/flow/setup.ts";
import { sha256Hex } from "../core/evidence/sha256.ts";
import { cloudPrices } from "../providers/catalogue/index.ts";
import type { FrozenImage } from "../core/plan/images.ts";
import { withFrozenImages } from "../core/plan/images.ts";
import { planExperiment } from "../core/plan/plan-experiment.ts";
import type { PriceList } from "../core/plan/quote.ts";
import type { Plan, ResolvedSource } from "../core/plan/types.ts";
import { globToPattern } from "../core/supervision/index.ts";
import type { ExperimentFolder } from "./experiment-folder.ts";
import { readExperimentFolder } from "./experiment-folder.ts";
import { readImages } from "./images.ts";
import { knownMachines, readPrices } from "./prices.ts";

/** An experiment read, planned, and packed for its hosts. */
export interface LoadedExperiment {
  readonly folder: ExperimentFolder;
  readonly definition: LoadedDefinition;
  readonly plan: Plan;
  /** The same with these images, and no others, in place of families; with none, images are as the definition names them. */
  readonly planWith: (images: readonly FrozenImage[]) => Plan;
  readonly bundle: Uint8Array;
  /** What its machines cost, of the day that the tables say. */
  readonly prices: PriceList;
}

export interface SelectionOptions {
  readonly only?: readonly string[];
  readonly figure?: string;
  readonly on?: string;
  /** `name=value`: other defaults of parameters. */
  readonly set?: readonly string[];
}

/**
 * @param set `name=value` each, defaults of parameters instead of the file's
 * @throws DefinitionError with every problem of the definition
 */
export async function loadDefinition(
  name: string,
  set: readonly string[] = [],
): Promise<{
  readonly folder: ExperimentFolder;
  readonly definition: LoadedDefinition;
  readonly settings: readonly Setting[];
}> {
  const folder = await readExperimentFolder(name);
  const { text, settings } = withParameters(folder.definitionText, set);
  const readBeside = (path: string): string | undefined => {
    try {
      return readFileSync(join(folder.folder, path), "utf8");
    } catch {
      return undefined; // the definition's reader says so, with line and column
    }
  };
  const read = readDefinition(text, folder.definitionFile, readBeside);
  if (!read.ok) throw new DefinitionError(read.problems);
  return { folder, definition: read.definition, settings };
}

/** @param home where refreshed prices are kept, and what images last stood for */
export async function loadExperiment(
  name: string,
  selection: SelectionOptions,
  home: string,
): Promise<LoadedExperiment> {
  const prices = readPrices(home);
  const { folder, definition, settings } = await loadDefinition(name, selection.set);
  const sources = await localSources(definition, folder.folder);
  const bundle = buildTar([...shippedFiles(folder.files, definition.spec.bundle), ...sources]);
  const resolved = await resolveSources(definition, folder.folder);
  const planWith = (images: readonly FrozenImage[]): Plan =>
    planExperiment(definition, {
      bundle: { sha256: sha256Hex(bundle), bytes: bundle.length },
      sources: resolved,
      catalogue: withFrozenImages(knownMachines(prices), images),
      only: selection.only,
      figure: selection.figure,
      on: selection.on,
    });
  const plan = planWith(readImages(home));
  refuseIdle(settings, plan);
  return { folder, definition, plan, planWith, bundle, prices: cloudPrices(prices) };
}

/** A default that a sweep sets itself would be set for nothing. */
function refuseIdle(settings: readonly Setting[], plan: Plan): void {
  for (const { path, value, text } of settings) {
    const other = plan.points.find(
      ({ parameters }) => canonicalJson(valueAt(parameters, path) ?? null) !== canonicalJson(value),
    );
    if (other === undefined) continue;
    throw new FailureError({
      class: "invalid",
      message: `--set ${text}: sweep ${other.sweep} sets it itself`,
      hint: `--only ${other.sweep}:${path.join(".")}=… takes those of its points, --only SWEEP other sweeps`,
    });
  }
}

const sourceHint = "a source is a git repository that can be reached, or a local folder under git";

const shippedFiles = (files: readonly BundledFile[], globs: readonly string[]): BundledFile[] => {
  const patterns = globs.map((glob) => new RegExp(globToPattern(glob), "u"));
  return files.filter((file) => patterns.some((pattern) => pattern.test(file.path)));
};

/** Files of local sources, uncommitted changes and all: they travel in the bundle. What git ignores stays. */
async function localSources(definition: LoadedDefinition, folder: string): Promise<BundledFile[]> {
  const files: BundledFile[] = [];
  for (const [name, source] of Object.entries(definition.spec.sources)) {
    if (source.path === undefined) continue;
    const root = resolve(folder, source.path);
    const { stdout } = await run("git", ["-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
      timeout: 60_000,
      maxBuffer: 64 * 1024 ** 2,
    }).catch(() =>
      definition.fail(
        ["sources", name, "path"],
        statSync(root, { throwIfNoEntry: false })?.isDirectory() === true
          ? `${root} is not under git`
          : `there is no folder ${root}`,
        sourceHint,
        source.path,
      ),
    );
    for (const path of new Set(stdout.split("\0").filter((p) => p !== ""))) {
      const full = join(root, path);
      const info = statSync(full, { throwIfNoEntry: false });
      if (info?.isFile() !== true) continue; // deleted, or a submodule
      files.push({
        path: `${bundledSources}/${name}/${path}`,
        body: readFileSync(full),
        executable: (info.mode & 0o111) !== 0,
      });
    }
  }
  return files;
}

const run = promisify(execFile);

/** Commits and digests of what is measured, as it is now: part of every trial's identity. */
async function resolveSources(definition: LoadedDefinition, folder: string): Promise<Record<string, ResolvedSource>> {
  const resolved: Record<string, ResolvedSource> = {};
  for (const [name, source] of Object.entries(definition.spec.sources)) {
    try {
      resolved[name] =
        source.path === undefined
          ? await resolveRemote(source.repository ?? "", source.commit ?? "HEAD")
          : await resolveLocal(resolve(folder, source.path));
    } catch (error) {
      const why = messageOf(error).trimEnd().split("\n");
      // What git said stands last; before it, only which of its commands failed.
      definition.fail(["sources", name], `can't be resolved: ${why.at(-1) ?? ""}`, sourceHint, source.repository);
    }
  }
  return resolved;
}

async function resolveRemote(repository: string, commit: string): Promise<ResolvedSource> {
  if (/^[0-9a-f]{40}$/.test(commit)) return { repository, commit, diffDigest: undefined };
  const { stdout } = await run("git", ["ls-remote", repository, commit], { timeout: 60_000 });
  const hash = /^[0-9a-f]{40}/.exec(stdout)?.[0];
  if (hash === undefined) throw new Error(`${repository} has no "${commit}"`);
  return { repository, commit: hash, diffDigest: undefined };
}

/** A remote's URL may hold a token: `https://token@host/repository`. What is recorded goes into published evidence. */
export function withoutCredentials(repository: string): string {
  return repository.replace(/^(https?:\/\/)[^/@]*@/, "$1");
}

async function resolveLocal(path: string): Promise<ResolvedSource> {
  const git = async (...args: string[]): Promise<string> =>
    (await run("git", ["-C", path, ...args], { timeout: 60_000, maxBuffer: 256 * 1024 ** 2 })).stdout;
  const commit = (await git("rev-parse", "HEAD")).trim();
  const diff = await git("diff", "HEAD", "--binary");
  const untracked = (await git("ls-files", "--others", "--exclude-standard")).split("\n").filter((file) => file !== "");
  const contents = untracked.map((file) => `${file} ${sha256Hex(readFileSync(join(path, file)))}`);
  const isClean = diff === "" && untracked.length === 0;
  const repository = await git("remote", "get-url", "origin").catch(() => "");
  return {
    repository: repository.trim() === "" ? undefined : withoutCredentials(repository.trim()),
    commit,
    diffDigest: isClean ? undefined : sha256Hex(`${diff}\n${contents.join("\n")}`),
  };
}
