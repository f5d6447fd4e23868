import type { Failure } from "../errors/failure.ts";
import { toFailure } from "../errors/failure.ts";
import { messageOf } from "../errors/reprise-error.ts";
import { globToPattern } from "../supervision/glob.ts";
import type { ShapeScope } from "./expression/shape.ts";
import { suggest } from "./nearest-name.ts";
import type { Parameters as ParameterSet } from "./parameters.ts";
import type { Path, Problem } from "./problem.ts";
import type { Definition } from "./schema.ts";
import type { Scopes } from "./scopes.ts";
import { buildScopes, hostGroups } from "./scopes.ts";
import type { Slot } from "./slots.ts";
import { SlotMaker } from "./slots.ts";
import type { Ordered } from "./stages.ts";
import { stagesOf } from "./stages.ts";
import { hasExpressions } from "./template.ts";
import type { ProblemOptions, YamlSource } from "./yaml-source.ts";

export interface CompileInput {
  readonly definition: Definition;
  readonly parameters: ParameterSet;
  readonly source: YamlSource;
  readonly problems: Problem[];
  /** Text of a file beside the definition. */
  readonly readFile: (path: string) => string | undefined;
}

const asList = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T]; // T itself is never a list here

/** What all parts of a definition are compiled with: its scopes, its slots, and where its problems go. */
export class CompileContext {
  readonly definition: Definition;
  readonly slots: SlotMaker;
  readonly scopes: Scopes;
  readonly readFile: CompileInput["readFile"];
  readonly #input: CompileInput;
  readonly #groups: readonly string[];

  constructor(input: CompileInput) {
    this.#input = input;
    this.definition = input.definition;
    this.readFile = input.readFile;
    this.slots = new SlotMaker(input.source, input.problems);
    this.scopes = buildScopes(input.definition, input.parameters);
    this.#groups = hostGroups(input.definition);
  }

  /** The stage of each item by its `after:`; unknown names and circles are problems. */
  stages(
    items: Readonly<Record<string, { readonly after?: string | readonly string[] | undefined }>>,
    path: Path,
    word: string,
    stepOf: (name: string) => string | number = (name) => name,
  ): ReadonlyMap<string, number> {
    const names = Object.keys(items);
    const ordered: Ordered[] = Object.entries(items).map(([name, item]) => ({ name, after: asList(item.after) }));
    for (const { name, after } of ordered) {
      after.forEach((other, index) => {
        if (names.includes(other)) return;
        const at = [...path, stepOf(name), "after"];
        this.problem(Array.isArray(items[name]?.after) ? [...at, index] : at, `no ${word} is named \`${other}\``, {
          value: other,
          hint: suggest(other, names),
        });
      });
    }
    const result = stagesOf(ordered);
    if (result.kind === "stages") return result.stages;
    const circle = [...result.names, result.names[0] ?? ""].join(" → ");
    this.problem([...path, stepOf(result.names[0] ?? ""), "after"], `waits for itself: ${circle}`);
    return new Map(names.map((name) => [name, 0]));
  }

  /** Roles or labels, each of which some deployment must have. */
  on(path: Path, on: string | readonly string[]): readonly string[] {
    asList(on).forEach((name, index) => {
      if (this.#groups.includes(name)) return;
      this.problem(Array.isArray(on) ? [...path, index] : path, "no role or label has that name", {
        value: name,
        hint: suggest(name, this.#groups),
      });
    });
    return asList(on);
  }

  /** Whose results are meant: a service or a job that the trial has. */
  landed(path: Path, name: string): void {
    const { services, jobs } = this.definition.trial;
    if (Object.hasOwn(services, name) || Object.hasOwn(jobs, name)) return;
    this.problem(path, "no service or job has that name", {
      value: name,
      hint: suggest(name, [...Object.keys(services), ...Object.keys(jobs)]),
    });
  }

  /** A glob that hosts can use; one with expressions is looked at when it is rendered. */
  glob(path: Path, text: string, shapes: ShapeScope): Slot<string> {
    const slot = this.slots.text(path, text, shapes);
    const check = (glob: string): Failure | undefined => {
      try {
        globToPattern(glob);
        return undefined;
      } catch (error) {
        return toFailure(error);
      }
    };
    const found = hasExpressions(text) ? undefined : check(text);
    if (found !== undefined) this.problem(path, found.message, { hint: found.hint, value: text });
    return (scope) => {
      const glob = slot(scope);
      const failure = check(glob);
      if (failure !== undefined) this.slots.fail(path, failure.message, failure.hint);
      return glob;
    };
  }

  /** @param needsGroup its first group is what is read */
  pattern(path: Path, pattern: string | undefined, needsGroup = false): void {
    if (pattern === undefined) return;
    try {
      // With an empty alternative it matches anything, and its groups can be counted.
      const groups = (new RegExp(`${pattern}|`, "u").exec("")?.length ?? 1) - 1;
      if (!needsGroup || groups > 0) return;
      this.problem(path, "has no group: nothing says where the number stands", {
        value: pattern,
        hint: "put it in parentheses, as in `took ([0-9.]+) ms`",
      });
    } catch (error) {
      this.problem(path, `not a regular expression: ${messageOf(error)}`, { value: pattern });
    }
  }

  when(path: Path, when: boolean | string | undefined): Slot<boolean> {
    return when === undefined ? () => true : this.slots.boolean([...path, "when"], when, this.scopes.point);
  }

  problem(path: Path, message: string, options: ProblemOptions = {}): void {
    this.#input.problems.push(this.#input.source.problem(path, message, options));
  }
}

export const optional = <T, R>(value: T | undefined, make: (value: T) => R): R | undefined =>
  value === undefined ? undefined : make(value);
