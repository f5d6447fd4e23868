/**
 * Writes what is made from the definition's schema: `schema/reprise.schema.json` for editors, and the tables of
 * `docs/definition.md` between their markers. A test fails when either is stale.
 *
 * Run it with `npx tsx scripts/generate-definition-reference.ts` after changing core/definition/schema.ts.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";
import { definitionJsonSchema } from "../core/definition/json-schema.ts";
import { fillReference } from "../core/definition/reference.ts";

const path = (relative: string): string => fileURLToPath(new URL(`../${relative}`, import.meta.url));

mkdirSync(path("schema"), { recursive: true });
const schema = path("schema/reprise.schema.json");
writeFileSync(schema, await format(definitionJsonSchema(), { ...(await resolveConfig(schema)), filepath: schema }));
const page = path("docs/definition.md");
writeFileSync(page, fillReference(readFileSync(page, "utf8")));
