import type { Json, JsonObject } from "../../core/effects/json.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import { parseStateMachine } from "./definition.ts";
import type { StateMachine } from "./definition.ts";
import { InvalidDefinitionError } from "./errors.ts";
import type { DefinitionProblem } from "./errors.ts";
import { isArray, isObject } from "./json-data.ts";
import { pathText } from "./structure.ts";

/** Text of the files of `statemachines/` by name. */
export type DefinitionFiles = Readonly<Record<string, string>>;

/** What stands for `${name}`: handler names here, ARNs on AWS. */
export type Substitutions = Readonly<Record<string, string>>;

/**
 * Puts one definition together from its files: plain Amazon States Language, the same for every engine.
 *
 * - `${name}` inside any string becomes its substitution.
 * - `"ItemProcessor": { "$include": "trial.asl.json", "ProcessorConfig": {…} }` becomes the states of that file with this
 *   ProcessorConfig, so that a Map's child is a file of its own.
 *
 * @throws {InvalidDefinitionError} with every file that is missing or no JSON, every unknown name, every wrong include
 */
export function composeDefinition(files: DefinitionFiles, name: string, substitutions: Substitutions): Json {
  const problems: DefinitionProblem[] = [];
  const composed = new Composer(files, substitutions, problems).file(name, []);
  if (problems.length > 0) throw new InvalidDefinitionError(problems);
  return composed;
}

/** The composed definition, ready to run. */
export const composeStateMachine = (files: DefinitionFiles, name: string, substitutions: Substitutions): StateMachine =>
  parseStateMachine(composeDefinition(files, name, substitutions));

type Place = readonly PropertyKey[];

class Composer {
  private readonly files: DefinitionFiles;
  private readonly substitutions: Substitutions;
  private readonly problems: DefinitionProblem[];

  constructor(files: DefinitionFiles, substitutions: Substitutions, problems: DefinitionProblem[]) {
    this.files = files;
    this.substitutions = substitutions;
    this.problems = problems;
  }

  /**
   * @returns null after a report
   * @param within the files that include this one, outermost first */
  file(name: string, within: readonly string[]): Json {
    const text = Object.hasOwn(this.files, name) ? this.files[name] : undefined;
    if (text === undefined) return this.report(name, [], "there is no such file");
    try {
      return this.value(JSON.parse(text) as Json, [...within, name], []);
    } catch (error) {
      if (error instanceof SyntaxError) return this.report(name, [], `not JSON: ${messageOf(error)}`);
      throw error;
    }
  }

  private value(value: Json, within: readonly string[], at: Place): Json {
    if (typeof value === "string") return this.substitute(value, within, at);
    if (isArray(value)) return value.map((item, i) => this.value(item, within, [...at, i]));
    if (!isObject(value)) return value;
    if ("$include" in value) return this.include(value, within, at);
    return Object.fromEntries(
      Object.entries(value).map(([key, child]) => [key, this.value(child ?? null, within, [...at, key])]),
    );
  }

  private include(processor: JsonObject, within: readonly string[], at: Place): Json {
    const { $include: name, ...own } = processor;
    const file = within.at(-1) ?? "";
    if (at.at(-1) !== "ItemProcessor") this.report(file, at, "$include stands in an ItemProcessor");
    const others = Object.keys(own).filter((key) => key !== "ProcessorConfig");
    if (others.length > 0)
      this.report(file, at, `beside $include only ProcessorConfig may stand, not ${others.join(", ")}`);
    if (typeof name !== "string") return this.report(file, at, "$include names a file");
    if (within.includes(name)) return this.report(file, at, [...within, name].join(" includes "));
    const included = this.file(name, within);
    if (included === null) return null;
    const { Comment, StartAt, States, ...rest } = isObject(included) ? included : {};
    const extra = Object.keys(rest);
    if (extra.length > 0) this.report(name, [], `an item processor has no ${extra.join(", ")}`);
    return {
      ...(Comment === undefined ? {} : { Comment }),
      ...(this.value(own, within, at) as JsonObject), // an object stays one
      StartAt,
      States,
    };
  }

  private substitute(text: string, within: readonly string[], at: Place): string {
    return text.replace(/\$\{([^}]*)\}/g, (whole, name: string) => {
      if (Object.hasOwn(this.substitutions, name)) return this.substitutions[name] ?? "";
      this.report(within.at(-1) ?? "", at, `nothing is known to stand for ${whole}`);
      return whole;
    });
  }

  private report(file: string, at: Place, message: string): null {
    this.problems.push({ path: `${file} $${pathText(at)}`, message });
    return null;
  }
}
