import type { DefinitionProblem } from "./errors.ts";

/**
 * How the states of a definition hang together: targets, names, reachability, the order of errors.
 *
 * It looks at the JSON and not at the compiled form, past whatever is wrong with single states, so that one look shows
 * all that is to mend.
 */
type Fields = Readonly<Record<string, unknown>>;

/** States of one level, with the place of the object that holds them. */
interface RawFlow {
  readonly path: string;
  readonly startAt: unknown;
  readonly states: Fields;
}

/** Targets that don't exist, names given twice, wrong orders of errors: what no engine takes. */
export function checkStructure(definition: unknown): readonly DefinitionProblem[] {
  const problems: DefinitionProblem[] = [];
  const seen = new Map<string, string>();
  for (const { path, startAt, states } of flowsOf(definition, "$")) {
    const expectState = (name: unknown, place: string): void => {
      if (typeof name === "string" && !Object.hasOwn(states, name)) {
        problems.push({ path: place, message: `there is no state "${name}" here` });
      }
    };
    expectState(startAt, `${path}.StartAt`);
    for (const [name, state] of Object.entries(states)) {
      const place = path + pathText(["States", name]);
      const twin = seen.get(name);
      if (twin !== undefined) problems.push({ path: place, message: `${twin} has the same name` });
      seen.set(name, place);
      for (const { target, below } of targetsOf(state)) expectState(target, place + pathText(below));
      problems.push(...checkErrorOrder(state, "Retry", place), ...checkErrorOrder(state, "Catch", place));
    }
  }
  return problems;
}

/** States that no start and no other state leads to. */
export function checkReachability(definition: unknown): readonly DefinitionProblem[] {
  return [...flowsOf(definition, "$")].flatMap(({ path, startAt, states }) => {
    const reached = new Set<string>();
    const toVisit = [startAt];
    while (toVisit.length > 0) {
      const name = toVisit.pop();
      if (typeof name !== "string" || reached.has(name) || !Object.hasOwn(states, name)) continue;
      reached.add(name);
      toVisit.push(...targetsOf(states[name]).map(({ target }) => target));
    }
    return Object.keys(states)
      .filter((name) => !reached.has(name))
      .map((name) => ({ path: path + pathText(["States", name]), message: "nothing leads to this state" }));
  });
}

function* flowsOf(value: unknown, path: string): Generator<RawFlow> {
  if (!isFields(value) || !isFields(value["States"])) return;
  const states = value["States"];
  yield { path, startAt: value["StartAt"], states };
  for (const [name, state] of Object.entries(states)) {
    if (!isFields(state)) continue;
    const place = path + pathText(["States", name]);
    yield* flowsOf(state["ItemProcessor"], `${place}.ItemProcessor`);
    for (const [i, branch] of itemsOf(state["Branches"]).entries()) yield* flowsOf(branch, `${place}.Branches[${i}]`);
  }
}

/** Every state that may follow, with the field that says so. */
function targetsOf(state: unknown): readonly { readonly target: unknown; readonly below: readonly PropertyKey[] }[] {
  if (!isFields(state)) return [];
  const nested = (field: string) =>
    itemsOf(state[field]).map((item, i) => ({
      target: isFields(item) ? item["Next"] : undefined,
      below: [field, i, "Next"],
    }));
  return [
    { target: state["Next"], below: ["Next"] },
    { target: state["Default"], below: ["Default"] },
    ...nested("Choices"),
    ...nested("Catch"),
  ];
}

function checkErrorOrder(state: unknown, field: "Retry" | "Catch", place: string): readonly DefinitionProblem[] {
  const handlers = isFields(state) ? itemsOf(state[field]) : [];
  return handlers.flatMap((handler, i) => {
    const names = isFields(handler) ? itemsOf(handler["ErrorEquals"]) : [];
    const path = `${place}.${field}[${i}].ErrorEquals`;
    const problems = names
      .filter((name) => typeof name === "string" && name.startsWith("States.") && !predefinedErrors.has(name))
      .map((name) => ({ path, message: `"${String(name)}" is no predefined error` }));
    if (!names.includes("States.ALL")) return problems;
    if (names.length > 1) problems.push({ path, message: "States.ALL stands alone" });
    if (i < handlers.length - 1) problems.push({ path, message: "States.ALL comes last" });
    return problems;
  });
}

const predefinedErrors: ReadonlySet<unknown> = new Set([
  "States.ALL",
  "States.BranchFailed",
  "States.DataLimitExceeded",
  "States.ExceedToleratedFailureThreshold",
  "States.HeartbeatTimeout",
  "States.IntrinsicFailure",
  "States.ItemReaderFailed",
  "States.NoChoiceMatched",
  "States.ParameterPathFailure",
  "States.Permissions",
  "States.ResultPathMatchFailure",
  "States.ResultWriterFailed",
  "States.Runtime",
  "States.TaskFailed",
  "States.Timeout",
]);

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const itemsOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** `.States['Run trial'].Catch[0]` */
export const pathText = (steps: readonly PropertyKey[]): string =>
  steps
    .map((step) =>
      typeof step === "number" ? `[${step}]` : /^\w+$/.test(String(step)) ? `.${String(step)}` : `['${String(step)}']`,
    )
    .join("");
