import { stringify as stringifyToml } from "smol-toml";
import { stringify as stringifyYaml } from "yaml";
import type { Json } from "../effects/json.ts";
import { messageOf } from "../errors/reprise-error.ts";
import type { CompileContext } from "./compile-context.ts";
import type { ShapeScope } from "./expression/shape.ts";
import { isJsonObject, typeName } from "./json-values.ts";
import type { Path } from "./problem.ts";
import type { EnvProgram, FileProgram } from "./program.ts";
import type { FileSpec } from "./schema.ts";
import type { Slot } from "./slots.ts";

export function compileEnv(
  c: CompileContext,
  path: Path,
  env: Readonly<Record<string, string | number | boolean>>,
  shapes: ShapeScope,
): EnvProgram {
  return Object.entries(env).map(([name, value]) => {
    if (name.startsWith("REPRISE_")) {
      c.problem([...path, name], "names that begin with REPRISE_ are given to processes by reprise", {
        atKey: true,
      });
    }
    return { name, value: c.slots.text([...path, name], String(value), shapes) };
  });
}

export function compileFiles(
  c: CompileContext,
  path: Path,
  files: Readonly<Record<string, FileSpec>>,
  shapes: ShapeScope,
): FileProgram[] {
  return Object.entries(files).map(([name, spec]) => ({
    name,
    mode: spec.mode,
    content: compileContent(c, [...path, name], spec, shapes),
  }));
}

function compileContent(c: CompileContext, path: Path, spec: FileSpec, shapes: ShapeScope): Slot<string> {
  if (spec.text !== undefined) return c.slots.content([...path, "text"], spec.text, shapes);
  if (spec.template !== undefined) {
    const text = c.readFile(spec.template);
    if (text !== undefined) return c.slots.content([...path, "template"], text, shapes, spec.template);
    c.problem([...path, "template"], "no such file beside the definition", { value: spec.template });
    return () => "";
  }
  for (const format of ["json", "yaml", "toml"] as const) {
    const data = spec[format];
    if (data === undefined) continue;
    const at = [...path, format];
    const slot = c.slots.data(at, data, shapes);
    return (scope) => {
      const value = slot(scope);
      try {
        return formatData(format, value);
      } catch (error) {
        return c.slots.fail(at, `can't be written as ${format}: ${messageOf(error)}`);
      }
    };
  }
  return () => "";
}

function formatData(format: "json" | "yaml" | "toml", value: Json): string {
  if (format === "json") return `${JSON.stringify(value, undefined, 2)}\n`;
  if (format === "yaml") return stringifyYaml(value, { lineWidth: 0 });
  if (!isJsonObject(value)) throw new TypeError(`TOML needs a mapping at its top, not ${typeName(value)}`);
  return `${stringifyToml(value).trimEnd()}\n`;
}
