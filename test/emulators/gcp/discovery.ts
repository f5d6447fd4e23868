import { z } from "zod";
import { checkFrom } from "../common/specs.ts";

interface Schema {
  readonly type?: string | undefined;
  readonly $ref?: string | undefined;
  readonly format?: string | undefined;
  readonly enum?: readonly string[] | undefined;
  readonly pattern?: string | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly additionalProperties?: Schema | undefined;
  readonly items?: Schema | undefined;
  readonly annotations?: { readonly required?: readonly string[] | undefined } | undefined;
}
const Schema: z.ZodType<Schema> = z.lazy(() =>
  z.looseObject({
    type: z.string().optional(),
    $ref: z.string().optional(),
    format: z.string().optional(),
    enum: z.array(z.string()).optional(),
    pattern: z.string().optional(),
    properties: z.record(z.string(), Schema).optional(),
    additionalProperties: Schema.optional(),
    items: Schema.optional(),
    annotations: z.looseObject({ required: z.array(z.string()).optional() }).optional(),
  }),
);
const Method = z.looseObject({
  id: z.string(),
  httpMethod: z.string(),
  path: z.string(),
  parameters: z
    .record(
      z.string(),
      z.looseObject({
        location: z.string(),
        required: z.boolean().optional(),
        pattern: z.string().optional(),
        type: z.string(),
      }),
    )
    .default({}),
  request: z.looseObject({ $ref: z.string() }).optional(),
  response: z.looseObject({ $ref: z.string() }).optional(),
});
const Discovery = z.looseObject({
  parameters: z.record(z.string(), z.unknown()),
  resources: z.record(z.string(), z.looseObject({ methods: z.record(z.string(), Method) })),
  schemas: z.record(z.string(), Schema),
});

export interface GcpExchange {
  /** `compute.instances.insert` */
  readonly id: string;
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** Holds requests and answers against Google's discovery document. */
export class DiscoveryCheck {
  private readonly document: z.infer<typeof Discovery>;
  private readonly methods: ReadonlyMap<string, z.infer<typeof Method>>;

  constructor(document: z.infer<typeof Discovery>) {
    this.document = document;
    this.methods = new Map(
      Object.values(document.resources).flatMap((r) => Object.values(r.methods).map((m) => [m.id, m] as const)),
    );
  }

  static read(file: string): DiscoveryCheck | undefined {
    return checkFrom(file, (description) => new DiscoveryCheck(Discovery.parse(description)));
  }

  request({ id, path, query, body }: GcpExchange): string[] {
    const method = this.methods.get(id);
    if (method === undefined) return [`${id}: not in the discovery document`];
    const problems: string[] = [];
    for (const [name, parameter] of Object.entries(method.parameters)) {
      const value = parameter.location === "path" ? path[name] : (query.get(name) ?? undefined);
      if (value === undefined) {
        if (parameter.required === true) problems.push(`${id}: parameter ${name} is missing`);
      } else if (parameter.pattern !== undefined && !new RegExp(`^(?:${parameter.pattern})$`).test(value))
        problems.push(`${id}: parameter ${name} does not match ${parameter.pattern}`);
    }
    for (const name of query.keys())
      if (method.parameters[name]?.location !== "query" && !(name in this.document.parameters))
        problems.push(`${id}: unknown parameter ${name}`);
    if (method.request !== undefined) problems.push(...this.walk(method.request, body, id, id));
    return problems;
  }

  response(id: string, body: unknown): string[] {
    const shape = this.methods.get(id)?.response;
    return shape === undefined ? [] : this.walk(shape, body, id, "");
  }

  /** @param forMethod a field may be required by some methods only; empty for answers */
  private walk(schema: Schema, value: unknown, path: string, forMethod: string): string[] {
    if (schema.$ref !== undefined) {
      const target = this.document.schemas[schema.$ref];
      return target === undefined ? [`${path}: no schema ${schema.$ref}`] : this.walk(target, value, path, forMethod);
    }
    switch (schema.type) {
      case "object":
        return this.object(schema, value, path, forMethod);
      case "array": {
        const { items } = schema;
        if (!Array.isArray(value)) return [`${path}: not a list`];
        return items === undefined
          ? []
          : value.flatMap((v: unknown, i) => this.walk(items, v, `${path}[${i}]`, forMethod));
      }
      default:
        return scalar(schema, value, path);
    }
  }

  private object(schema: Schema, value: unknown, path: string, forMethod: string): string[] {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${path}: not an object`];
    const known = schema.properties ?? {};
    const problems: string[] = [];
    for (const [name, property] of Object.entries(known))
      if (property.annotations?.required?.includes(forMethod) === true && !(name in value))
        problems.push(`${path}.${name}: required`);
    for (const [name, inner] of Object.entries(value)) {
      if (inner === undefined) continue;
      const property = known[name] ?? schema.additionalProperties;
      problems.push(
        ...(property === undefined
          ? [`${path}.${name}: unknown`]
          : this.walk(property, inner, `${path}.${name}`, forMethod)),
      );
    }
    return problems;
  }
}

function scalar(schema: Schema, value: unknown, path: string): string[] {
  switch (schema.type) {
    case "string":
      if (typeof value !== "string")
        return [`${path}: not a string${schema.format === undefined ? "" : ` (${schema.format})`}`];
      if (schema.enum !== undefined && !schema.enum.includes(value))
        return [`${path}: "${value}" is not one of its values`];
      if ((schema.format === "int64" || schema.format === "uint64") && !/^-?\d+$/.test(value))
        return [`${path}: "${value}" is not a whole number`];
      // Patterns are left to the emulator's own rules, which refuse in the cloud's words.
      return [];
    case "integer":
      return Number.isInteger(value) ? [] : [`${path}: not a whole number`];
    case "number":
      return typeof value === "number" ? [] : [`${path}: not a number`];
    case "boolean":
      return typeof value === "boolean" ? [] : [`${path}: not a boolean`];
    default: // "any"
      return [];
  }
}
