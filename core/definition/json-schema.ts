import { z } from "zod";
import { definitionSchema } from "./schema.ts";

/** The definition's JSON Schema, for editors: draft 7, which the YAML language server understands best. */
export function definitionJsonSchema(): string {
  const schema = z.toJSONSchema(definitionSchema, {
    target: "draft-7",
    io: "input",
    override: ({ jsonSchema }) => {
      delete jsonSchema["fieldKind"];
    },
  });
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
