import { z } from "zod";
import { functions } from "./expression/functions.ts";
import { definitionSchema } from "./schema.ts";
import { fieldKindOf, unwrapSchema } from "./schema-problems.ts";

type Schema = z.core.$ZodType;

/** Parts of `docs/definition.md` that are made from the code, by the name in their markers. */
export const referenceParts = (): Readonly<Record<string, string>> => ({
  fields: fieldTables(),
  functions: functionTable(),
});

/**
 * Replaces what stands between `<!-- made from the schema: NAME -->` and `<!-- end -->` in a page.
 *
 * @throws {TypeError} for a marker that no part has
 */
export function fillReference(page: string): string {
  const parts = referenceParts();
  return page.replaceAll(
    /(<!-- made from the schema: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, head: string, name: string, end: string) => {
      const part = parts[name];
      if (part === undefined) throw new TypeError(`no part ${name} of the reference`);
      return `${head}\n${part}\n\n${end}`;
    },
  );
}

function functionTable(): string {
  const rows = Object.values(functions).map(({ signature, description }) => `| \`${signature}\` | ${description} |`);
  return ["| function | gives |", "| --- | --- |", ...rows].join("\n");
}

interface Section {
  readonly title: string;
  readonly object: z.ZodObject;
}

/** One table for each mapping of the definition, in the file's order; what occurs in several places is told once. */
function fieldTables(): string {
  const sections: Section[] = [];
  const titles = new Map<Schema, string>();
  const visit = (schema: Schema, title: string): void => {
    for (const object of objectsIn(schema, title)) {
      if (titles.has(object.schema)) continue;
      titles.set(object.schema, object.title);
      sections.push({ title: object.title, object: object.schema });
      for (const [name, member] of Object.entries<Schema>(object.schema.shape)) {
        visit(member, object.title === "" ? name : `${object.title}.${name}`);
      }
    }
  };
  visit(definitionSchema, "");
  return sections.map((section) => sectionText(section, titles)).join("\n\n");
}

/** The mappings that a field may hold, with the path they stand at. */
function objectsIn(schema: Schema, title: string): { readonly schema: z.ZodObject; readonly title: string }[] {
  const inner = unwrapSchema(schema);
  if (inner instanceof z.ZodObject) return [{ schema: inner, title }];
  if (inner instanceof z.ZodRecord) return objectsIn(inner.valueType, `${title}.NAME`);
  if (inner instanceof z.ZodArray) return objectsIn(inner.element, `${title}[]`);
  if (inner instanceof z.ZodUnion) return inner.options.flatMap((option) => objectsIn(option, title));
  return [];
}

function sectionText(section: Section, titles: ReadonlyMap<Schema, string>): string {
  const rows = Object.entries<Schema>(section.object.shape)
    .filter(([name]) => name !== "$schema")
    .map(([name, member]) => {
      const needed = isNeeded(member) ? " **(needed)**" : "";
      const fallback = defaultText(member);
      const meaning = [descriptionOf(member), fallback === undefined ? "" : `Default: ${fallback}.`]
        .filter((text) => text !== "")
        .join(" ");
      return `| \`${name}\`${needed} | ${typeText(member, titles)} | ${meaning.replaceAll("|", "\\|")} |`;
    });
  const title = section.title === "" ? "The file" : `\`${section.title}\``;
  return [`### ${title}`, "", "| field | holds | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

const descriptionOf = (schema: Schema): string => {
  for (let inner = schema; ;) {
    const description = z.globalRegistry.get(inner as z.ZodType)?.description; // every schema of ours is made by the classic API
    if (description !== undefined) return description;
    const next = inner._zod.def;
    if (!("innerType" in next)) return "";
    inner = next.innerType as Schema; // optional, default and the like hold one schema
  }
};

const isNeeded = (schema: Schema): boolean => !(schema as z.ZodType).safeParse(undefined).success;

function defaultText(schema: Schema): string | undefined {
  const { def } = schema._zod;
  if (def.type !== "default" || !("defaultValue" in def)) return undefined;
  const value = def.defaultValue;
  if (typeof value === "object" && value !== null && Object.keys(value).length === 0) return undefined;
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

function typeText(schema: Schema, titles: ReadonlyMap<Schema, string>): string {
  const fieldKind = fieldKindOf(schema);
  const inner = unwrapSchema(schema);
  switch (fieldKind) {
    case "duration":
      return "time";
    case "size":
      return "size";
    case "rate":
      return "rate";
    case "share":
      return "share";
    case "script":
      return "script";
    case "expression":
      return "expression";
    case "template":
      return "text with `${{ }}`";
    default:
  }
  if (inner instanceof z.ZodObject) {
    const title = titles.get(inner);
    return title === undefined ? "mapping" : `[mapping](#${anchorOf(title)})`;
  }
  if (inner instanceof z.ZodRecord) return `by name: ${typeText(inner.valueType, titles)}`;
  if (inner instanceof z.ZodArray) return `list of ${typeText(inner.element, titles)}`;
  if (inner instanceof z.ZodUnion) return [...new Set(inner.options.map((o) => typeText(o, titles)))].join(" or ");
  if (inner instanceof z.ZodEnum) return inner.options.map((option) => `\`${option}\``).join(", ");
  if (inner instanceof z.ZodLiteral) return [...inner.values].map((value) => `\`${String(value)}\``).join(", ");
  switch (inner._zod.def.type) {
    case "string":
      return "text";
    case "number":
      return "number";
    case "boolean":
      return "`true`, `false`";
    default:
      return "any value";
  }
}

/** As GitHub makes them of headings. */
const anchorOf = (title: string): string => title.toLowerCase().replaceAll(/[^\w-]/g, "");
