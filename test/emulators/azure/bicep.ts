import { z } from "zod";
import { checkFrom } from "../common/specs.ts";

const Reference = z.looseObject({ $ref: z.string() });
const Type = z.looseObject({
  $type: z.string(),
  name: z.string().optional(),
  value: z.string().optional(),
  body: Reference.optional(),
  itemType: Reference.optional(),
  elements: z.union([z.array(Reference), z.record(z.string(), Reference)]).optional(),
  properties: z.record(z.string(), z.looseObject({ type: Reference, flags: z.number() })).optional(),
  baseProperties: z.record(z.string(), z.looseObject({ type: Reference, flags: z.number() })).optional(),
  additionalProperties: Reference.optional(),
});
type Type = z.infer<typeof Type>;

const flag = { required: 1, readOnly: 2, writeOnly: 4 } as const;
/** Bicep's own four: not in a REST body, or only in answers. */
const ambient: ReadonlySet<string> = new Set(["id", "type", "apiVersion", "name"]);

type Direction = "request" | "response";

/** Holds bodies against a type graph of Azure/bicep-types-az. */
export class BicepCheck {
  private readonly types: readonly Type[];
  private readonly roots = new Map<string, Type>();

  constructor(types: readonly Type[]) {
    this.types = types;
    for (const type of types)
      if (type.$type === "ResourceType" && type.name !== undefined && type.body !== undefined)
        this.roots.set(type.name.toLowerCase(), this.at(type.body));
  }

  static read(file: string): BicepCheck | undefined {
    return checkFrom(file, (description) => new BicepCheck(z.array(Type).parse(description)));
  }

  /** @param resourceType `Microsoft.Compute/virtualMachines@2026-03-01`; unknown ones pass unchecked */
  check(resourceType: string, body: unknown, direction: Direction): string[] {
    const root = this.roots.get(resourceType.toLowerCase());
    return root === undefined ? [] : this.walk(root, body, resourceType.split("@")[0] ?? "", direction);
  }

  private at(reference: z.infer<typeof Reference>): Type {
    const found = this.types[Number(reference.$ref.slice(2))];
    if (found === undefined) throw new Error(`type graph: nothing at ${reference.$ref}`);
    return found;
  }

  private walk(type: Type, value: unknown, path: string, direction: Direction): string[] {
    switch (type.$type) {
      case "AnyType":
        return [];
      case "StringType":
        return typeof value === "string" ? [] : [`${path}: not a string`];
      case "StringLiteralType":
        return value === type.value ? [] : [`${path}: ${JSON.stringify(value)} is not "${type.value ?? ""}"`];
      case "BooleanType":
        return typeof value === "boolean" ? [] : [`${path}: not a boolean`];
      case "IntegerType": // bicep has no other numbers: prices are of this type too
        return typeof value === "number" ? [] : [`${path}: not a number`];
      case "ArrayType": {
        const item = type.itemType;
        if (!Array.isArray(value)) return [`${path}: not a list`];
        return item === undefined
          ? []
          : value.flatMap((v: unknown, i) => this.walk(this.at(item), v, `${path}[${i}]`, direction));
      }
      case "UnionType": {
        const options = Array.isArray(type.elements) ? type.elements.map((e) => this.at(e)) : [];
        return options.some((option) => this.walk(option, value, path, direction).length === 0)
          ? []
          : [`${path}: ${JSON.stringify(value)} is none of ${options.map((o) => o.value ?? o.$type).join(", ")}`];
      }
      case "ObjectType":
        return this.object(type, value, path, direction);
      default:
        return [`${path}: the graph's ${type.$type} is not known here`];
    }
  }

  private object(type: Type, value: unknown, path: string, direction: Direction): string[] {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${path}: not an object`];
    const known = type.properties ?? {};
    const problems: string[] = [];
    for (const [name, property] of Object.entries(known)) {
      const needed = (property.flags & flag.required) !== 0 && !ambient.has(name);
      const hidden = direction === "response" && (property.flags & flag.writeOnly) !== 0;
      if (needed && !hidden && !(name in value)) problems.push(`${path}.${name}: required`);
    }
    for (const [name, inner] of Object.entries(value)) {
      if (inner === undefined) continue;
      const property = known[name];
      const at = `${path}.${name}`;
      if (property === undefined) {
        if (type.additionalProperties === undefined) problems.push(`${at}: unknown`);
        else problems.push(...this.walk(this.at(type.additionalProperties), inner, at, direction));
        continue;
      }
      if (direction === "request" && (property.flags & flag.readOnly) !== 0) problems.push(`${at}: read-only`);
      else if (direction === "response" && (property.flags & flag.writeOnly) !== 0) problems.push(`${at}: write-only`);
      else problems.push(...this.walk(this.at(property.type), inner, at, direction));
    }
    return problems;
  }
}
