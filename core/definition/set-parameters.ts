import type { Node } from "yaml";
import { isMap, isNode, parse, parseDocument } from "yaml";
import type { Json } from "../effects/json.ts";
import { FailureError } from "../errors/failure.ts";
import { messageOf } from "../errors/reprise-error.ts";
import { isJsonObject } from "./json-values.ts";
import type { Assignment, Parameters } from "./parameters.ts";
import { readAssignments, readParameters } from "./parameters.ts";
import type { Path } from "./problem.ts";

/** A parameter's default, given instead of the definition's for one run: `clients=8`, `node.batch=[1, 2]`. */
export interface Setting extends Assignment {
  readonly text: string;
}

/**
 * A definition's text with other defaults of some parameters, in YAML after the `=` (a text as it stands); all else in it stays as it was
 * written. A text that can't be read comes back as it is: its reader says why.
 *
 * @param settings `name=value` each, names dotted where parameters form trees
 * @throws {FailureError} class invalid, for a setting that isn't one of a parameter, or not of its type
 */
export function withParameters(
  text: string,
  settings: readonly string[],
): { readonly text: string; readonly settings: readonly Setting[] } {
  const done: Setting[] = [];
  let edited = text;
  for (const setting of settings) {
    const document = parseDocument(edited);
    const tree: unknown = document.errors.length > 0 ? undefined : document.toJS();
    const declared = isJsonObject(tree) ? (tree["parameters"] ?? {}) : undefined;
    if (!isJsonObject(declared)) return { text, settings: [] };
    for (const assignment of readSetting(
      setting,
      readParameters(declared, () => undefined),
    )) {
      edited = splice(edited, nodeAt(document.get("parameters", true), assignment, setting), assignment.value);
      done.push({ ...assignment, text: setting });
    }
  }
  return { text: edited, settings: done };
}

function readSetting(setting: string, parameters: Parameters): Assignment[] {
  const at = setting.indexOf("=");
  if (at <= 0) throw invalid(setting, "not of the form name=value");
  const refuse = (_path: Path, message: string, { hint }: { readonly hint?: string | undefined } = {}): never => {
    throw invalid(setting, message, hint);
  };
  const name = setting.slice(0, at);
  const given = setting.slice(at + 1);
  let value: Json;
  try {
    // A text is taken as it stands, `1.10` and `a: b` too; any other kind is checked against the parameter's.
    value = parameters.declared.get(name)?.type === "text" ? given : (parse(given) as Json);
  } catch (error) {
    throw invalid(setting, messageOf(error).split("\n")[0] ?? "can't be read");
  }
  const assignments = readAssignments({ [name]: value }, parameters, refuse, []);
  if (assignments.length > 1) throw invalid(setting, "sets several parameters at once", "set each by its own name");
  return assignments;
}

/** Where a parameter's default stands: under its name, or under `default` there. */
function nodeAt(parameters: unknown, { path }: Assignment, setting: string): Node {
  let node: unknown = parameters;
  for (const step of path) node = isMap(node) ? node.get(step, true) : undefined;
  if (isMap(node) && node.has("default")) node = node.get("default", true);
  if (!isNode(node) || node.range == null) throw invalid(setting, `the definition has no \`${path.join(".")}\` to set`);
  return node;
}

/** One line of JSON, which YAML reads as the same, in place of a node, comments and line ends around it kept. */
function splice(text: string, { range }: Node, value: Json): string {
  const [start, end] = range ?? [0, 0];
  const old = text.slice(start, end);
  const rest = /\s*$/.exec(old)?.[0] ?? "";
  const before = text[start - 1] === ":" ? " " : ""; // `name:` alone stands for null
  return `${text.slice(0, start)}${before}${JSON.stringify(value)}${rest}${text.slice(end)}`;
}

const invalid = (setting: string, message: string, hint?: string): FailureError =>
  new FailureError({
    class: "invalid",
    message: `--set ${setting}: ${message}`,
    ...(hint === undefined ? {} : { hint }),
  });
