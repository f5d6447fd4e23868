import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { reference } from "./reference.ts";

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
/** PyPI over a slow line, on a busy machine. */
const installMs = 600_000;

/** A Python with what requirements.txt names: REPRISE_PYTHON, or a fresh environment from PyPI. */
function pythonWithScipy(): string {
  const given = process.env["REPRISE_PYTHON"];
  if (given !== undefined && existsSync(given)) return given;
  const environment = mkdtempSync(join(tmpdir(), "reprise-check-"));
  execFileSync("python3", ["-m", "venv", environment], { timeout: installMs });
  const python = join(environment, "bin", "python");
  execFileSync(python, ["-m", "pip", "install", "--quiet", "--requirement", here("requirements.txt")], {
    timeout: installMs,
  });
  return python;
}

/** Paths where two values differ: numbers by more than rounding of another machine's libraries, anything else at all. */
function differences(actual: unknown, expected: unknown, path = ""): string[] {
  if (typeof actual === "number" && typeof expected === "number") {
    return Math.abs(actual - expected) <= 1e-9 * Math.max(1e-6, Math.abs(expected))
      ? []
      : [`${path}: ${actual} instead of ${expected}`];
  }
  if (typeof actual === "object" && typeof expected === "object" && actual !== null && expected !== null) {
    const keys = new Set([...Object.keys(actual), ...Object.keys(expected)]);
    const field = (value: object, key: string): unknown => (value as Record<string, unknown>)[key]; // any object's own keys
    return [...keys].flatMap((key) => differences(field(actual, key), field(expected, key), `${path}/${key}`));
  }
  return actual === expected ? [] : [`${path}: ${String(actual)} instead of ${String(expected)}`];
}

describe("reference.py", () => {
  it(
    "gives the committed values again",
    () => {
      const output = execFileSync(pythonWithScipy(), [here("reference.py")], {
        timeout: installMs,
        maxBuffer: 16_777_216,
      });
      const again: unknown = JSON.parse(output.toString("utf8"));
      expect(differences(again, reference)).toEqual([]);
    },
    2 * installMs,
  );
});
