import { readFileSync } from "node:fs";
import { join } from "node:path";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * A state machine of `statemachines/` as one definition: `$include` is replaced by the file's states and `${name}` by what
 * the template knows of it (an ARN that is a token until it is deployed). The embedded engine puts the same files together
 * by `engines/asl/compose.ts`; a test holds the two equal.
 *
 * @throws when a name has no substitution
 */
export function composeDefinition(
  folder: string,
  file: string,
  substitutions: Readonly<Record<string, string>>,
): string {
  const read = (name: string): Json => JSON.parse(readFileSync(join(folder, name), "utf8")) as Json;
  const compose = (value: Json): Json => {
    if (typeof value === "string") return substitute(value, substitutions);
    if (isList(value)) return value.map(compose);
    if (typeof value !== "object" || value === null) return value;
    const { $include: included, ...own } = value;
    if (typeof included !== "string") return mapValues(value, compose);
    const child = read(included);
    return compose({ ...(isObject(child) ? child : {}), ...own });
  };
  return JSON.stringify(compose(read(file)));
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);
const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === "object" && value !== null && !isList(value);

const mapValues = (object: { readonly [key: string]: Json }, map: (value: Json) => Json): Json =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));

const substitute = (text: string, substitutions: Readonly<Record<string, string>>): string =>
  text.replace(/\$\{([^}]*)\}/g, (whole, name: string) => {
    const value = Object.hasOwn(substitutions, name) ? substitutions[name] : undefined;
    if (value === undefined) throw new Error(`nothing is known to stand for ${whole}`);
    return value;
  });
