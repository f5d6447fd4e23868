import type { z } from "zod";
import type { Json, JsonObject } from "../effects/json.ts";
import { isJsonObject } from "./json-values.ts";
import { nearestName } from "./nearest-name.ts";
import type { Path, Problem } from "./problem.ts";
import { formatPath } from "./problem.ts";
import type { Definition } from "./schema.ts";
import { definitionSchema } from "./schema.ts";
import type { Issue } from "./schema-problems.ts";
import { innerIssues, knownKeys, schemaAt, schemaProblems, unwrapSchema } from "./schema-problems.ts";
import type { YamlSource } from "./yaml-source.ts";

/**
 * A definition that the schema refuses, mended so far that everything else about it can be checked, too: who has
 * misspelt a field wants to hear of the unknown role at the same time. Nothing is ever run from it.
 */
export interface MendedDefinition {
  readonly definition: Definition;
  /** What the definition was read from: its paths are those of `definition`, its places those of the file. */
  readonly source: YamlSource;
  /** What the schema found. */
  readonly problems: readonly Problem[];
  /** Whether a problem that was found afterwards is the author's, and not one of the mending. */
  readonly isOwn: (problem: Problem) => boolean;
}

/** Fields in which names are made that all else refers to: without them, more would only be noise. */
const naming =
  /^(?:parameters|variables|sources|deployments|sweeps|trial|setup|trial\.(?:services|jobs))$|^deployments\.[^.]+$|\.(?:roles|labels|ports)(?:\[\d+\])?$|^setup\.steps\[\d+\](?:\.name)?$/;

const mostPasses = 6;
const mostIssues = 100;

/** @returns the mended definition; only the schema's problems where too much of it is missing */
export function mendDefinition(source: YamlSource, value: JsonObject): MendedDefinition | readonly Problem[] {
  const draft = new Draft(source, value);
  const problems: Problem[] = [];
  for (let pass = 0; pass < mostPasses; pass++) {
    const parsed = definitionSchema.safeParse(draft.value);
    if (parsed.success) {
      return { definition: parsed.data, source: draft.source(), problems, isOwn: (problem) => draft.isOwn(problem) };
    }
    const { issues } = parsed.error;
    const fresh =
      pass === 0
        ? issues
        : issues.filter(({ path }) => !draft.hasMendedBelow(path.filter((step) => typeof step !== "symbol")));
    problems.push(...schemaProblems(fresh, definitionSchema, draft.source()));
    const inner = innerIssues(issues);
    if (inner.length > mostIssues || !draft.mend(inner)) return problems;
  }
  return problems;
}

type Container = Record<string, Json> | Json[];

/** Stands for an item of a list until the pass is over, so that the places of those behind it don't move meanwhile. */
const hole: Json = Object.freeze({});

class Draft {
  readonly value: JsonObject;
  readonly #source: YamlSource;
  /** What a member of a mapping, or an item of a list, is called in the file; as in the file where nothing stands. */
  readonly #written = new Map<Container, Map<string, string | number>>();
  /** Places in the file whose value isn't the author's any more. */
  readonly #mended: { readonly place: string; readonly above: string; readonly name: string }[] = [];
  readonly #lost: string[] = [];

  constructor(source: YamlSource, value: JsonObject) {
    this.#source = source;
    this.value = structuredClone(value);
  }

  source(): YamlSource {
    const source = this.#source;
    return {
      ...source,
      value: this.value,
      locate: (path) => source.locate(this.#inFile(path)),
      locateKey: (path) => source.locateKey(this.#inFile(path)),
      locateExpression: (path, index, offset) => source.locateExpression(this.#inFile(path), index, offset),
      problem: (path, message, options) => source.problem(this.#inFile(path), message, options),
    };
  }

  isOwn({ path, value, message }: Problem): boolean {
    if (this.#lost.some((name) => value === JSON.stringify(name) || message.includes(`\`${name}\``))) return false;
    return !this.#mended.some(({ place, above, name }) => {
      const isSibling = path.startsWith(`${above}.`) && message.includes(`\`${name}`); // one that is held against it
      return path === place || path === above || isBelow(path, place) || isSibling;
    });
  }

  hasMendedBelow(path: Path): boolean {
    const at = formatPath(this.#inFile(path));
    return this.#mended.some(({ place }) => place === at || isBelow(place, at));
  }

  /** @returns false where a field is beyond mending that too much hangs on */
  mend(issues: readonly { readonly issue: Issue; readonly path: Path }[]): boolean {
    const lists = new Set<Json[]>();
    // A field that gets its right name isn't missing any more.
    for (const { issue, path } of issues) if (issue.code === "unrecognized_keys") this.#mendFields(path, issue.keys);
    for (const { issue, path } of issues) {
      if (issue.code === "unrecognized_keys" || this.#isRenamed(path)) continue;
      if (!this.#mendOne(issue, path, lists)) return false;
    }
    for (const list of lists) this.#closeHoles(list);
    return true;
  }

  /** Whether what was missing is there now, by its right name. */
  #isRenamed(path: Path): boolean {
    const name = path.at(-1);
    const container = this.#at(path.slice(0, -1));
    return name !== undefined && isMapping(container) && this.#written.get(container)?.has(String(name)) === true;
  }

  #mendFields(path: Path, unknown: readonly string[]): void {
    const container = this.#at(path);
    if (!isMapping(container)) return; // what was mended above it has put something else there
    const known = knownKeys(schemaAt(definitionSchema, path));
    for (const key of unknown) {
      const near = nearestName(key, known);
      if (near !== undefined && !Object.hasOwn(container, near)) this.#rename(container, key, near);
      else this.#forget(container, key);
    }
  }

  #mendOne(issue: Issue, path: Path, lists: Set<Json[]>): boolean {
    if (issue.code === "invalid_key") return this.#mendName(path);
    for (let length = path.length; length > 0; length--) {
      const place = path.slice(0, length);
      const container = this.#at(place.slice(0, -1));
      const key = place.at(-1);
      if (!isContainer(container) || key === undefined) continue;
      const written = formatPath(this.#inFile(place));
      if (naming.test(written) ? this.#wrap(container, key, place) : this.#replace(container, key, place, lists)) {
        this.#mended.push({ place: written, above: formatPath(this.#inFile(place.slice(0, -1))), name: String(key) });
        return true;
      }
      if (naming.test(written)) return false;
    }
    return false;
  }

  /** Names that could be a list: `ports: rpc` is `[rpc]`. */
  #wrap(container: Container, key: string | number, place: Path): boolean {
    const value = memberOf(container, key);
    const schema = schemaAt(definitionSchema, place);
    if (typeof value !== "string" || schema?.safeParse([value]).success !== true) return false;
    if (Array.isArray(container)) container[Number(key)] = [value];
    else container[String(key)] = [value];
    return true;
  }

  /** Puts the nearest value there that the schema takes, or nothing. */
  #replace(container: Container, key: string | number, place: Path, lists: Set<Json[]>): boolean {
    if (Array.isArray(container)) {
      container[Number(key)] = hole;
      lists.add(container);
      return true;
    }
    const schema = schemaAt(definitionSchema, place);
    const fitting = candidatesFor(container[key], schema).find((value) => schema?.safeParse(value).success);
    if (fitting !== undefined && !isEntry(place)) {
      container[key] = fitting;
      return true;
    }
    const canGo = schema === undefined || schema.safeParse(undefined).success || isEntry(place);
    if (isEntry(place)) this.#lost.push(String(key));
    if (canGo) this.#forget(container, String(key));
    return canGo;
  }

  #mendName(path: Path): boolean {
    const container = this.#at(path.slice(0, -1));
    const key = String(path.at(-1));
    if (!isMapping(container)) return true;
    this.#lost.push(key);
    const slug = key
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-+|-+$/g, "")
      .slice(0, 40);
    const words = [slug, slug.replaceAll("-", "_").replace(/^(?=\d)/, "x")];
    const record = unwrapSchema(schemaAt(definitionSchema, path.slice(0, -1)) ?? definitionSchema);
    const fits = words.find(
      (word) =>
        "keyType" in record &&
        isZod(record.keyType) &&
        record.keyType.safeParse(word).success &&
        !Object.hasOwn(container, word),
    );
    if (fits === undefined) this.#forget(container, key);
    else this.#rename(container, key, fits);
    return true;
  }

  #rename(container: Record<string, Json>, from: string, to: string): void {
    const value = container[from];
    if (value === undefined) return;
    const names = this.#names(container);
    names.set(to, names.get(from) ?? from);
    container[to] = value;
    this.#forget(container, from);
  }

  #forget(container: Record<string, Json>, key: string): void {
    Reflect.deleteProperty(container, key);
  }

  #closeHoles(list: Json[]): void {
    const names = this.#names(list);
    const kept = list.flatMap((item, index) =>
      item === hole ? [] : [{ item, at: names.get(String(index)) ?? index }],
    );
    list.splice(0, list.length, ...kept.map(({ item }) => item));
    names.clear();
    for (const [index, { at }] of kept.entries()) names.set(String(index), at);
  }

  #names(container: Container): Map<string, string | number> {
    const names = this.#written.get(container) ?? new Map<string, string | number>();
    this.#written.set(container, names);
    return names;
  }

  #at(path: Path): unknown {
    return path.reduce<unknown>(memberOf, this.value);
  }

  #inFile(path: Path): Path {
    let container: unknown = this.value;
    return path.map((step) => {
      const written = isContainer(container) ? this.#written.get(container)?.get(String(step)) : undefined;
      container = memberOf(container, step);
      return written ?? step;
    });
  }
}

/** A member of a mapping whose names are the author's: `trial.services.log`. */
const isEntry = (place: Path): boolean => {
  const above = schemaAt(definitionSchema, place.slice(0, -1));
  return above !== undefined && "keyType" in unwrapSchema(above);
};

/** What could stand in a field that must be there, the author's own value in another form first. */
function candidatesFor(value: Json | undefined, schema: z.ZodType | undefined): Json[] {
  if (schema === undefined) return [];
  const inner = unwrapSchema(schema);
  const choices =
    "options" in inner && Array.isArray(inner.options) ? inner.options.filter((o) => typeof o === "string") : [];
  const near = typeof value === "string" ? nearestName(value, choices) : undefined;
  const own: Json[] =
    value === undefined ? [] : [[value], ...(typeof value === "object" ? [] : [String(value), Number(value)])];
  const plain: Json[] = ["x", "/x", 1, true, "1s", "1B", "1mbit", "1%", "mean", "${{ 1 }}", "SHA256:x", [], ["x"], {}];
  return [...(near === undefined ? [] : [near]), ...own, ...choices, ...plain];
}

const isZod = (value: unknown): value is z.ZodType =>
  typeof value === "object" && value !== null && "safeParse" in value;

const isBelow = (path: string, above: string): boolean => path.startsWith(`${above}.`) || path.startsWith(`${above}[`);

const isMapping = (value: unknown): value is Record<string, Json> => isJsonObject(value);
const isContainer = (value: unknown): value is Container => isMapping(value) || Array.isArray(value);

function memberOf(container: unknown, step: string | number): unknown {
  if (Array.isArray(container)) return container[Number(step)];
  return isMapping(container) && Object.hasOwn(container, step) ? container[String(step)] : undefined;
}
