import { writeFileSync } from "node:fs";
import { counted, reportError } from "../../cli/output.ts";
import { DefinitionError } from "../../core/definition/problem.ts";
import { readDefinition } from "../../core/definition/read-definition.ts";

/** What a call writes to stderr. */
function said(call: () => unknown): string {
  let text = "";
  const write = process.stderr.write.bind(process.stderr);
  process.stderr.write = (chunk) => {
    text += String(chunk);
    return true;
  };
  try {
    call();
  } finally {
    process.stderr.write = write;
  }
  return text;
}

describe("reportError", () => {
  it("takes a place that can't be written to for a mistake of who named it, not of ours", () => {
    let code = 0;
    const text = said(() => {
      try {
        writeFileSync("/nowhere-at-all/rows.csv", "");
      } catch (error) {
        code = reportError(error, false);
      }
    });
    expect(code).toBe(2);
    expect(text).toContain("/nowhere-at-all/rows.csv");
    said(() => (code = reportError(new TypeError("x is undefined"), false)));
    expect(code).toBe(70);
  });

  const read = readDefinition("reprise: 1\nname: x\ntrail: {}\nsweeps: { a: { trials: 0 } }\n", "e.yaml");
  const error = new DefinitionError(read.ok ? [] : read.problems);

  it("gives programs each problem of a definition with its place", () => {
    const told = JSON.parse(said(() => reportError(error, true))) as { error: { class: string; problems: unknown[] } };
    expect(told.error.class).toBe("invalid");
    expect(told.error.problems).toContainEqual({
      file: "e.yaml",
      line: 3,
      column: 1,
      path: "trail",
      message: "unknown field `trail`",
      hint: "did you mean `trial`?",
    });
    expect(told.error.problems).toContainEqual(
      expect.objectContaining({ line: 4, path: "sweeps.a.trials", value: "0", message: "must be at least 1" }),
    );
  });

  it("gives people a line that their editor can jump to", () => {
    expect(said(() => reportError(error, false))).toContain("e.yaml:4:24: sweeps.a.trials: must be at least 1 (0)");
  });
});

it.each([
  [0, "0 trials"],
  [1, "1 trial"],
  [2, "2 trials"],
])("counts %d as %s", (count, said) => {
  expect(counted(count, "trial")).toBe(said);
});
