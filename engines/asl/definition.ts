import { z } from "zod";
import type { Json } from "../../core/effects/json.ts";
import { compileRule } from "./choice.ts";
import type { Rule } from "./choice.ts";
import { ExpressionSyntaxError, InvalidDefinitionError } from "./errors.ts";
import type { DefinitionProblem } from "./errors.ts";
import { parseExpression } from "./intrinsics.ts";
import type { Expression } from "./intrinsics.ts";
import { isObject } from "./json-data.ts";
import { limits } from "./limits.ts";
import { parsePath, parseReferencePath } from "./path.ts";
import type { Path } from "./path.ts";
import type { Catcher, Retrier } from "./retry.ts";
import { checkStructure, pathText } from "./structure.ts";
import { compileTemplate } from "./template.ts";
import type { Template } from "./template.ts";
import { parseTimestamp } from "./timestamp.ts";

/**
 * The subset of the Amazon States Language that we write, and its compiled form.
 *
 * Field names are those of the language, so that code and definition read alike. Parsing compiles: paths, templates,
 * intrinsics and rules come out ready to evaluate, defaults are filled in, and whatever is outside the subset is refused.
 * JSONPath only: no JSONata, no variables, no legacy Iterator, no integration but lambda:invoke.
 *
 * @see https://states-language.net/spec.html
 */
export interface StateMachine extends Flow {
  readonly TimeoutSeconds?: number | undefined;
}

/** States and where they start: a state machine, a branch of a Parallel, the item processor of a Map. */
export interface Flow {
  readonly Comment?: string | undefined;
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

export type State =
  PassState | TaskState | ChoiceState | WaitState | SucceedState | FailState | ParallelState | MapState;

interface Common {
  readonly Comment?: string | undefined;
}
interface WithPaths extends Common {
  /** null: the effective input (output) is the empty object. */
  readonly InputPath: Path | null;
  readonly OutputPath: Path | null;
}
interface WithTransition extends WithPaths {
  readonly Next?: string | undefined;
  readonly End?: true | undefined;
}
interface WithResult {
  readonly ResultSelector?: Template | undefined;
  /** null: the result is dropped, the output is the raw input. */
  readonly ResultPath: Path | null;
}
/** The states that can fail for a reason of their work's: Task, Parallel and Map. */
export interface WithRetry extends WithResult {
  readonly Retry: readonly Retrier[];
  readonly Catch: readonly Catcher[];
}

export interface PassState extends WithTransition, Pick<WithResult, "ResultPath"> {
  readonly Type: "Pass";
  readonly Result?: Json | undefined;
  readonly Parameters?: Template | undefined;
}

export const invokeResource = "arn:aws:states:::lambda:invoke";
export const callbackResource = "arn:aws:states:::lambda:invoke.waitForTaskToken";

export interface TaskState extends WithTransition, WithRetry {
  readonly Type: "Task";
  readonly Resource: typeof invokeResource | typeof callbackResource;
  /** Gives an object with `FunctionName` and, mostly, `Payload`. */
  readonly Parameters: Template;
  readonly TimeoutSeconds?: number | undefined;
  readonly TimeoutSecondsPath?: Path | undefined;
  readonly HeartbeatSeconds?: number | undefined;
  readonly HeartbeatSecondsPath?: Path | undefined;
}

export interface ChoiceState extends WithPaths {
  readonly Type: "Choice";
  readonly Choices: readonly { readonly rule: Rule; readonly Next: string }[];
  readonly Default?: string | undefined;
}

export interface WaitState extends WithTransition {
  readonly Type: "Wait";
  readonly Seconds?: number | undefined;
  readonly SecondsPath?: Path | undefined;
  readonly Timestamp?: string | undefined;
  readonly TimestampPath?: Path | undefined;
}

export interface SucceedState extends WithPaths {
  readonly Type: "Succeed";
}

export interface FailState extends Common {
  readonly Type: "Fail";
  readonly Error?: string | undefined;
  readonly Cause?: string | undefined;
  readonly ErrorPath?: Expression | undefined;
  readonly CausePath?: Expression | undefined;
}

export interface ParallelState extends WithTransition, WithRetry {
  readonly Type: "Parallel";
  readonly Parameters?: Template | undefined;
  readonly Branches: readonly Flow[];
}

export interface ItemProcessor extends Flow {
  readonly ProcessorConfig: {
    readonly Mode: "INLINE" | "DISTRIBUTED";
    readonly ExecutionType?: "STANDARD" | undefined;
  };
}

export interface MapState extends WithTransition, WithRetry {
  readonly Type: "Map";
  readonly ItemProcessor: ItemProcessor;
  readonly ItemsPath: Path;
  readonly ItemSelector?: Template | undefined;
  /** 0: no bound of ours. */
  readonly MaxConcurrency: number;
  readonly MaxConcurrencyPath?: Path | undefined;
  /** The rest is for DISTRIBUTED alone. */
  readonly Label?: string | undefined;
  readonly ItemReader?: ItemReader | undefined;
  readonly ResultWriter?: ResultWriter | undefined;
  readonly ToleratedFailureCount?: number | undefined;
  readonly ToleratedFailureCountPath?: Path | undefined;
  readonly ToleratedFailurePercentage?: number | undefined;
  readonly ToleratedFailurePercentagePath?: Path | undefined;
}

export interface ItemReader {
  readonly Resource: "arn:aws:states:::s3:getObject";
  /** Gives `Bucket` and `Key` of one JSON array. */
  readonly Parameters: Template;
  readonly ReaderConfig: { readonly InputType: "JSON"; readonly MaxItems?: number | undefined };
}

export interface ResultWriter {
  readonly Resource: "arn:aws:states:::s3:putObject";
  /** Gives `Bucket` and, maybe, `Prefix`. */
  readonly Parameters: Template;
}

/** @throws {InvalidDefinitionError} with everything wrong at once, each with its place */
export function parseStateMachine(definition: unknown): StateMachine {
  const { machine, problems } = readStateMachine(definition);
  if (machine === undefined || problems.length > 0) throw new InvalidDefinitionError(problems);
  return machine;
}

/** What `parseStateMachine` does, for those who want the problems as data. `machine` is there when each state is right. */
export function readStateMachine(definition: unknown): {
  readonly machine: StateMachine | undefined;
  readonly problems: readonly DefinitionProblem[];
} {
  const parsed = stateMachineSchema.safeParse(definition);
  const structure = checkStructure(definition);
  if (parsed.success) return { machine: parsed.data, problems: structure };
  return { machine: undefined, problems: [...parsed.error.issues.map(toProblem), ...structure] };
}

// --- schemas -------------------------------------------------------------------------------------------------------

/** Runs a parser of ours as a zod transform: its syntax errors become issues at the field. */
const compiled =
  <T>(parse: (text: string) => T) =>
  (text: string, context: z.RefinementCtx): T => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof ExpressionSyntaxError)) throw error;
      context.addIssue({ code: "custom", message: error.message });
      return z.NEVER;
    }
  };

const path = z.string().transform(compiled(parsePath));
const optionalPath = path.optional();
const inputPath = z
  .string()
  .nullable()
  .default("$")
  .transform((text, context) => (text === null ? null : compiled(parsePath)(text, context)));
const resultPath = z
  .string()
  .nullable()
  .default("$")
  .transform((text, context) => {
    if (text === null) return null;
    const parsed = compiled(parseReferencePath)(text, context);
    if (text.startsWith("$$")) context.addIssue({ code: "custom", message: "the context object can't be written to" });
    return parsed;
  });
const expression = z.string().transform(compiled(parseExpression)).optional();
const template = z
  .json()
  .transform((value, context) =>
    compileTemplate(value, (at, message) => context.addIssue({ code: "custom", message, path: [...at] })),
  );
const stateName = z.string().min(1).max(limits.nameLength);
const seconds = z.int().min(1).max(limits.waitSec).optional();

const transition = { Next: stateName.optional(), End: z.literal(true).optional() };
const paths = { Comment: z.string().optional(), InputPath: inputPath, OutputPath: inputPath };
const retry = {
  ResultSelector: template.optional(),
  ResultPath: resultPath,
  Retry: z
    .array(
      z.strictObject({
        Comment: z.string().optional(),
        ErrorEquals: z.array(z.string().min(1)).nonempty(),
        IntervalSeconds: z.int().min(1).max(limits.waitSec).default(1),
        MaxAttempts: z.int().min(0).max(limits.waitSec).default(3),
        BackoffRate: z.number().min(1).default(2),
        MaxDelaySeconds: z.int().min(1).max(31_622_400).optional(),
        JitterStrategy: z.enum(["FULL", "NONE"]).default("NONE"),
      }),
    )
    .default([]),
  Catch: z
    .array(
      z.strictObject({
        Comment: z.string().optional(),
        ErrorEquals: z.array(z.string().min(1)).nonempty(),
        ResultPath: resultPath,
        Next: stateName,
      }),
    )
    .default([]),
};

const nextOrEnd = (state: { Next?: string | undefined; End?: true | undefined }, context: z.RefinementCtx): void => {
  if ((state.Next === undefined) === (state.End === undefined)) {
    context.addIssue({ code: "custom", message: "give either Next or End" });
  }
};
const atMostOne =
  (...fields: readonly string[]) =>
  (state: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void => {
    if (fields.filter((field) => state[field] !== undefined).length > 1) {
      context.addIssue({ code: "custom", message: `give one of ${fields.join(", ")}` });
    }
  };

/** The fields a template may and must have, looked up before evaluation. */
const requireFields =
  (required: readonly string[], optional: readonly string[] = []) =>
  (value: Template, context: z.RefinementCtx): void => {
    const fields =
      value.kind === "object"
        ? value.fields.map(([name]) => name)
        : value.kind === "constant" && isObject(value.value)
          ? Object.keys(value.value)
          : [];
    for (const name of required.filter((field) => !fields.includes(field))) {
      context.addIssue({ code: "custom", message: `${name} is missing` });
    }
    for (const name of fields.filter((field) => !required.includes(field) && !optional.includes(field))) {
      context.addIssue({ code: "custom", message: `"${name}" is outside our subset` });
    }
  };

const pass = z
  .strictObject({
    Type: z.literal("Pass"),
    ...paths,
    ...transition,
    Result: z.json().optional(),
    Parameters: template.optional(),
    ResultPath: resultPath,
  })
  .superRefine(nextOrEnd);

const task = z
  .strictObject({
    Type: z.literal("Task"),
    ...paths,
    ...transition,
    ...retry,
    Resource: z.enum([invokeResource, callbackResource]),
    Parameters: template.superRefine(requireFields(["FunctionName"], ["Payload"])),
    TimeoutSeconds: seconds,
    TimeoutSecondsPath: optionalPath,
    HeartbeatSeconds: seconds,
    HeartbeatSecondsPath: optionalPath,
  })
  .superRefine(nextOrEnd)
  .superRefine(atMostOne("TimeoutSeconds", "TimeoutSecondsPath"))
  .superRefine(atMostOne("HeartbeatSeconds", "HeartbeatSecondsPath"))
  .superRefine((state, context) => {
    if ((state.HeartbeatSeconds ?? 0) >= (state.TimeoutSeconds ?? Infinity)) {
      context.addIssue({ code: "custom", message: "HeartbeatSeconds is smaller than TimeoutSeconds" });
    }
  });

const choices = z
  .array(
    z.json().transform((value, context) => {
      const rule = compileRule(value, (at, message) => context.addIssue({ code: "custom", message, path: [...at] }));
      const next = stateName.safeParse(isObject(value) ? value["Next"] : undefined);
      if (!next.success) context.addIssue({ code: "custom", message: "expected a state's name", path: ["Next"] });
      return rule === undefined || !next.success ? z.NEVER : { rule, Next: next.data };
    }),
  )
  .nonempty();
const choice = z.strictObject({
  Type: z.literal("Choice"),
  ...paths,
  Choices: choices,
  Default: stateName.optional(),
});

const wait = z
  .strictObject({
    Type: z.literal("Wait"),
    ...paths,
    ...transition,
    Seconds: z.int().min(0).max(limits.waitSec).optional(),
    SecondsPath: optionalPath,
    Timestamp: z
      .string()
      .refine((text) => parseTimestamp(text) !== undefined, "expected a timestamp such as 2026-11-21T02:31:00Z")
      .optional(),
    TimestampPath: optionalPath,
  })
  .superRefine(nextOrEnd)
  .superRefine((state, context) => {
    const fields = [state.Seconds, state.SecondsPath, state.Timestamp, state.TimestampPath];
    if (fields.filter((field) => field !== undefined).length !== 1) {
      context.addIssue({ code: "custom", message: "give one of Seconds, SecondsPath, Timestamp, TimestampPath" });
    }
  });

const succeed = z.strictObject({ Type: z.literal("Succeed"), ...paths });

const fail = z
  .strictObject({
    Type: z.literal("Fail"),
    Comment: z.string().optional(),
    Error: z.string().max(limits.errorLength).optional(),
    Cause: z.string().max(limits.causeLength).optional(),
    ErrorPath: expression,
    CausePath: expression,
  })
  .superRefine(atMostOne("Error", "ErrorPath"))
  .superRefine(atMostOne("Cause", "CausePath"));

const states = z.lazy(() => z.record(stateName, stateSchema));
const flow = { Comment: z.string().optional(), StartAt: stateName, States: states };

const parallel = z
  .strictObject({
    Type: z.literal("Parallel"),
    ...paths,
    ...transition,
    ...retry,
    Parameters: template.optional(),
    Branches: z.array(z.strictObject(flow)).nonempty(),
  })
  .superRefine(nextOrEnd);

const distributedOnly = [
  "Label",
  "ItemReader",
  "ResultWriter",
  "ToleratedFailureCount",
  "ToleratedFailureCountPath",
  "ToleratedFailurePercentage",
  "ToleratedFailurePercentagePath",
] as const;
const map = z
  .strictObject({
    Type: z.literal("Map"),
    ...paths,
    ...transition,
    ...retry,
    ItemProcessor: z.strictObject({
      ...flow,
      ProcessorConfig: z
        .strictObject({ Mode: z.enum(["INLINE", "DISTRIBUTED"]), ExecutionType: z.literal("STANDARD").optional() })
        .default({ Mode: "INLINE" }),
    }),
    ItemsPath: z.string().default("$").transform(compiled(parseReferencePath)),
    ItemSelector: template.optional(),
    MaxConcurrency: z.int().min(0).optional(),
    MaxConcurrencyPath: optionalPath,
    Label: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,40}$/, "a label has 1 to 40 letters, digits, dots, dashes or underscores")
      .optional(),
    ItemReader: z
      .strictObject({
        Resource: z.literal("arn:aws:states:::s3:getObject"),
        Parameters: template.superRefine(requireFields(["Bucket", "Key"])),
        ReaderConfig: z.strictObject({ InputType: z.literal("JSON"), MaxItems: z.int().min(1).optional() }),
      })
      .optional(),
    ResultWriter: z
      .strictObject({
        Resource: z.literal("arn:aws:states:::s3:putObject"),
        Parameters: template.superRefine(requireFields(["Bucket"], ["Prefix"])),
      })
      .optional(),
    ToleratedFailureCount: z.int().min(0).optional(),
    ToleratedFailureCountPath: optionalPath,
    ToleratedFailurePercentage: z.number().min(0).max(100).optional(),
    ToleratedFailurePercentagePath: optionalPath,
  })
  .superRefine(nextOrEnd)
  .superRefine(atMostOne("MaxConcurrency", "MaxConcurrencyPath"))
  .superRefine(atMostOne("ToleratedFailureCount", "ToleratedFailureCountPath"))
  .superRefine(atMostOne("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"))
  .superRefine((state, context) => {
    const { Mode, ExecutionType } = state.ItemProcessor.ProcessorConfig;
    for (const field of distributedOnly) {
      if (Mode === "INLINE" && state[field] !== undefined) {
        context.addIssue({ code: "custom", message: "only a DISTRIBUTED Map has this", path: [field] });
      }
    }
    if ((Mode === "DISTRIBUTED") !== (ExecutionType !== undefined)) {
      const message = "DISTRIBUTED goes with ExecutionType STANDARD, INLINE with none";
      context.addIssue({ code: "custom", message, path: ["ItemProcessor", "ProcessorConfig"] });
    }
  })
  .transform((state) => ({ ...state, MaxConcurrency: state.MaxConcurrency ?? 0 }));

/** By Type and not by trying each: an error then speaks of the state that was meant. */
const stateSchemas = new Map<unknown, z.ZodType<State>>(
  Object.entries({
    Pass: pass,
    Task: task,
    Choice: choice,
    Wait: wait,
    Succeed: succeed,
    Fail: fail,
    Parallel: parallel,
    Map: map,
  }),
);

const stateSchema: z.ZodType<State> = z.json().transform((value, context) => {
  const type = isObject(value) ? value["Type"] : undefined;
  const schema = stateSchemas.get(type);
  if (schema === undefined) {
    const message = `expected one of ${[...stateSchemas.keys()].join(", ")}`;
    context.addIssue({ code: "custom", message, path: ["Type"] });
    return z.NEVER;
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    context.addIssue({ code: "custom", message: issueText(issue), path: [...issue.path] });
  }
  return z.NEVER;
});

const stateMachineSchema: z.ZodType<StateMachine> = z.strictObject({
  ...flow,
  Version: z.literal("1.0").optional(),
  QueryLanguage: z.literal("JSONPath").optional(),
  TimeoutSeconds: seconds,
});

// --- problems ----------------------------------------------------------------------------------------------------------

const issueText = (issue: z.core.$ZodIssue): string =>
  issue.code === "unrecognized_keys"
    ? `${issue.keys.map((key) => `"${key}"`).join(", ")} is outside our subset`
    : issue.message;
const toProblem = (issue: z.core.$ZodIssue): DefinitionProblem => ({
  path: `$${pathText(issue.path)}`,
  message: issueText(issue),
});
