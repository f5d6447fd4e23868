import { rulePaths } from "./choice.ts";
import { callbackResource, readStateMachine } from "./definition.ts";
import type { Flow, State, TaskState } from "./definition.ts";
import type { DefinitionProblem } from "./errors.ts";
import { pathsOf } from "./intrinsics.ts";
import type { Path } from "./path.ts";
import { checkReachability, pathText } from "./structure.ts";
import { templatePaths } from "./template.ts";

/**
 * What is wrong with a composed definition, all at once: whatever the embedded engine refuses, and what it would run but
 * we don't write: tasks without a bound, callbacks nobody can answer, states nothing leads to, unbounded Maps.
 *
 * @returns nothing for a definition that is fit for every engine
 */
export function lintDefinition(definition: unknown): readonly DefinitionProblem[] {
  const { machine, problems } = readStateMachine(definition);
  return [...problems, ...checkReachability(definition), ...(machine === undefined ? [] : lintFlow(machine, "$"))];
}

function lintFlow(flow: Flow, at: string): readonly DefinitionProblem[] {
  return Object.entries(flow.States).flatMap(([name, state]) => {
    const path = at + pathText(["States", name]);
    const own = lintState(state).map((message) => ({ path, message }));
    if (state.Type === "Map") return [...own, ...lintFlow(state.ItemProcessor, `${path}.ItemProcessor`)];
    if (state.Type !== "Parallel") return own;
    return [...own, ...state.Branches.flatMap((branch, i) => lintFlow(branch, `${path}.Branches[${i}]`))];
  });
}

function lintState(state: State): string[] {
  const messages = contextPaths(state)
    .filter((path) => !isKnownContext(path))
    .map((path) => `the context object of our subset has no ${path.text}`);
  if (state.Type === "Task") messages.push(...lintTask(state));
  if (state.Type === "Map" && state.MaxConcurrency === 0 && state.MaxConcurrencyPath === undefined) {
    messages.push("a Map says how many items run at once: MaxConcurrency of 1 or more");
  }
  return messages;
}

function lintTask(state: TaskState): string[] {
  const messages: string[] = [];
  if (state.TimeoutSeconds === undefined && state.TimeoutSecondsPath === undefined) {
    messages.push("a Task is bounded: TimeoutSeconds");
  }
  const usesToken = templatePaths(state.Parameters).some(({ text }) => text === "$$.Task.Token");
  if (state.Resource === callbackResource) {
    if (state.HeartbeatSeconds === undefined && state.HeartbeatSecondsPath === undefined) {
      messages.push("a task that waits for its token notices silence: HeartbeatSeconds");
    }
    if (!usesToken) messages.push("nobody can answer: Parameters hand on $$.Task.Token");
  } else if (usesToken) {
    messages.push("$$.Task.Token exists only for waitForTaskToken");
  }
  return messages;
}

/** Every path of a state that looks into the context object. */
function contextPaths(state: State): readonly Path[] {
  const paths: (Path | null | undefined)[] = [];
  if ("InputPath" in state) paths.push(state.InputPath, state.OutputPath);
  if ("Parameters" in state && state.Parameters) paths.push(...templatePaths(state.Parameters));
  if ("ResultSelector" in state && state.ResultSelector) paths.push(...templatePaths(state.ResultSelector));
  switch (state.Type) {
    case "Choice":
      paths.push(...state.Choices.flatMap(({ rule }) => rulePaths(rule)));
      break;
    case "Wait":
      paths.push(state.SecondsPath, state.TimestampPath);
      break;
    case "Fail":
      for (const expression of [state.ErrorPath, state.CausePath]) if (expression) paths.push(...pathsOf(expression));
      break;
    case "Task":
      paths.push(state.TimeoutSecondsPath, state.HeartbeatSecondsPath);
      break;
    case "Map":
      paths.push(state.ItemsPath, state.MaxConcurrencyPath);
      for (const template of [state.ItemSelector, state.ItemReader?.Parameters, state.ResultWriter?.Parameters]) {
        if (template) paths.push(...templatePaths(template));
      }
      break;
    case "Pass":
    case "Succeed":
    case "Parallel":
      break;
    default:
      return state satisfies never;
  }
  return paths.filter((path): path is Path => path?.root === "context");
}

/** What the embedded engine's context object holds; the service has more, such as RoleArn and RedriveCount. */
const knownContext: readonly string[][] = [
  ["Execution", "Id"],
  ["Execution", "Name"],
  ["Execution", "StartTime"],
  ["Execution", "Input"],
  ["StateMachine", "Id"],
  ["StateMachine", "Name"],
  ["State", "Name"],
  ["State", "EnteredTime"],
  ["State", "RetryCount"],
  ["Task", "Token"],
  ["Map", "Item", "Index"],
  ["Map", "Item", "Value"],
];

function isKnownContext({ steps }: Path): boolean {
  const names = steps.map((step) => (step.kind === "member" ? step.name : undefined));
  return knownContext.some((known) => known.every((name, i) => names[i] === name));
}
