import { z } from "zod";
import { checkFrom } from "../common/specs.ts";

const Shape = z.looseObject({
  type: z.string(),
  required: z.array(z.string()).optional(),
  members: z
    .record(
      z.string(),
      z.looseObject({ shape: z.string(), locationName: z.string().optional(), queryName: z.string().optional() }),
    )
    .optional(),
  member: z.looseObject({ shape: z.string() }).optional(),
  key: z.looseObject({ shape: z.string() }).optional(),
  value: z.looseObject({ shape: z.string() }).optional(),
  enum: z.array(z.string()).optional(),
  pattern: z.string().optional(),
  min: z.number().optional(),
  max: z.number().optional(),
});
type Shape = z.infer<typeof Shape>;

const Model = z.looseObject({
  operations: z.record(
    z.string(),
    z.looseObject({
      input: z.looseObject({ shape: z.string() }).optional(),
      output: z.looseObject({ shape: z.string() }).optional(),
    }),
  ),
  shapes: z.record(z.string(), Shape),
});

/** How a protocol writes a member's name, and whether scalars are typed. */
interface Writing {
  readonly name: (
    member: string,
    names: { readonly locationName?: string | undefined; readonly queryName?: string | undefined },
  ) => string;
  /** Query forms hold strings only; JSON and our answers hold numbers and booleans. */
  readonly texts: boolean;
  /** JSON has times as epoch seconds, XML as ISO 8601. */
  readonly epochTimes: boolean;
  /** Patterns and least lengths bind requests only: SSM's own answers have empty texts and `PT0.5S` against its model. */
  readonly strictTexts: boolean;
}
const capitalised = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
const queryForm: Writing = {
  name: (member, names) => names.queryName ?? (names.locationName ? capitalised(names.locationName) : member),
  texts: true,
  epochTimes: false,
  strictTexts: true,
};
const xmlAnswer: Writing = {
  name: (member, names) => names.locationName ?? member,
  texts: false,
  epochTimes: false,
  strictTexts: false,
};
const jsonRequest: Writing = { ...xmlAnswer, epochTimes: true, strictTexts: true };
const jsonAnswer: Writing = { ...xmlAnswer, epochTimes: true };

/** Holds requests and answers against a botocore service model. */
export class BotocoreCheck {
  private readonly model: z.infer<typeof Model>;
  private readonly input: Writing;
  private readonly output: Writing;

  constructor(model: z.infer<typeof Model>, protocol: "ec2" | "json") {
    this.model = model;
    this.input = protocol === "ec2" ? queryForm : jsonRequest;
    this.output = protocol === "ec2" ? xmlAnswer : jsonAnswer;
  }

  static read(file: string, protocol: "ec2" | "json"): BotocoreCheck | undefined {
    return checkFrom(file, (description) => new BotocoreCheck(Model.parse(description), protocol));
  }

  /** Operations that the model lacks (it is a subset) pass unchecked. */
  request(operation: string, value: unknown): string[] {
    const shape = this.model.operations[operation]?.input?.shape;
    return shape === undefined ? [] : this.walk(shape, value, operation, this.input);
  }

  response(operation: string, value: unknown): string[] {
    const shape = this.model.operations[operation]?.output?.shape;
    return shape === undefined ? [] : this.walk(shape, value, operation, this.output);
  }

  private walk(shapeName: string, value: unknown, path: string, writing: Writing): string[] {
    const shape = this.model.shapes[shapeName];
    if (shape === undefined) return [`${path}: the model has no shape ${shapeName}`];
    switch (shape.type) {
      case "structure":
        return this.structure(shape, value, path, writing);
      case "list": {
        if (!Array.isArray(value)) return [`${path}: not a list`];
        const tooLong =
          shape.max !== undefined && value.length > shape.max ? [`${path}: more than ${shape.max} items`] : [];
        const item = shape.member?.shape;
        return item === undefined
          ? tooLong
          : [...tooLong, ...value.flatMap((v: unknown, i) => this.walk(item, v, `${path}[${i}]`, writing))];
      }
      case "map": {
        if (!isObject(value)) return [`${path}: not a map`];
        const inside = shape.value?.shape;
        return inside === undefined
          ? []
          : Object.entries(value).flatMap(([key, v]) => this.walk(inside, v, `${path}.${key}`, writing));
      }
      default:
        // New instance types come out faster than models: whether one exists is the catalogue's to say.
        return scalar(shapeName === "InstanceType" ? { ...shape, enum: undefined } : shape, value, path, writing);
    }
  }

  private structure(shape: Shape, value: unknown, path: string, writing: Writing): string[] {
    if (!isObject(value)) return [`${path}: not a structure`];
    const members = new Map(
      Object.entries(shape.members ?? {}).map(([member, names]) => [writing.name(member, names), names.shape]),
    );
    const problems: string[] = [];
    for (const member of shape.required ?? []) {
      const names = shape.members?.[member];
      const name = names === undefined ? member : writing.name(member, names);
      if (value[name] === undefined) problems.push(`${path}.${name}: required`);
    }
    for (const [key, inner] of Object.entries(value)) {
      if (inner === undefined) continue;
      const inside = members.get(key);
      if (inside === undefined) problems.push(`${path}.${key}: unknown`);
      else problems.push(...this.walk(inside, inner, `${path}.${key}`, writing));
    }
    return problems;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function scalar(shape: Shape, value: unknown, path: string, writing: Writing): string[] {
  const text = typeof value === "string" ? value : String(value);
  switch (shape.type) {
    case "string":
      if (typeof value !== "string") return [`${path}: not a string`];
      if (shape.enum !== undefined && !shape.enum.includes(text))
        return [`${path}: "${text}" is not one of its values`];
      if (shape.max !== undefined && text.length > shape.max) return [`${path}: longer than ${shape.max}`];
      if (!writing.strictTexts) return [];
      if (shape.min !== undefined && text.length < shape.min) return [`${path}: shorter than ${shape.min}`];
      if (shape.pattern !== undefined && !matchesPattern(shape.pattern, text))
        return [`${path}: does not match ${shape.pattern}`];
      return [];
    case "integer":
    case "long": {
      if (writing.texts ? !/^-?\d+$/.test(text) : !Number.isInteger(value)) return [`${path}: not a whole number`];
      const n = Number(text);
      const below = shape.min !== undefined && n < shape.min;
      return below || (shape.max !== undefined && n > shape.max) ? [`${path}: ${text} is out of range`] : [];
    }
    case "double":
    case "float":
      return Number.isNaN(Number(text)) ? [`${path}: not a number`] : [];
    case "boolean":
      return (writing.texts ? text === "true" || text === "false" : typeof value === "boolean")
        ? []
        : [`${path}: not a boolean`];
    case "timestamp":
      if (writing.epochTimes) return typeof value === "number" ? [] : [`${path}: not epoch seconds`];
      return Number.isNaN(Date.parse(text)) ? [`${path}: not a time`] : [];
    case "blob":
      return /^[A-Za-z0-9+/=\s]*$/.test(text) ? [] : [`${path}: not base64`];
    default:
      return [`${path}: the model's type ${shape.type} is not known here`];
  }
}

/** A few of the model's patterns use Java syntax that JavaScript lacks; those are passed over. */
function matchesPattern(pattern: string, text: string): boolean {
  let expression: RegExp;
  try {
    expression = new RegExp(pattern);
  } catch {
    return true;
  }
  return expression.test(text);
}
