import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { QuoteError, quoteArgv, quoteEnv, quoteWord } from "../../../transports/quote/index.ts";

const shells = ["sh", "dash", "bash", "busybox"].filter((name) => spawnSync(name, ["--help"]).error === undefined);

const sh = (shell: string, script: string): string => {
  const args = shell === "busybox" ? ["sh", "-c", script] : ["-c", script];
  const { status, stdout, stderr } = spawnSync(shell, args, { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
};

/** Arguments as a shell hands them on, each ended by a NUL. */
const throughShell = (shell: string, argv: readonly string[]): string[] =>
  sh(shell, quoteArgv(["printf", "%s\\0", ...argv]))
    .split("\0")
    .slice(0, -1);

const argument = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 30 }),
  fc.string({ unit: fc.constantFrom(...Array.from("'\"\\$`!*?[]{}()<>|&;#~=%^ \t\n\r-aé😀")), maxLength: 30 }),
);

describe("quoteWord", () => {
  it.each([
    ["a plain word", "/usr/bin/env", "/usr/bin/env"],
    ["nothing", "", "''"],
    ["a space", "a b", "'a b'"],
    ["a single quote", "it's", `'it'\\''s'`],
    ["a substitution", "$(rm -rf /)", "'$(rm -rf /)'"],
    ["an assignment", "A=b", "'A=b'"],
    ["a home folder", "~root", "'~root'"],
    ["a reserved word", "if", "'if'"],
  ])("carries %s", (_, text, quoted) => {
    expect(quoteWord(text)).toBe(quoted);
  });

  it("refuses what no argument can hold", () => {
    expect(() => quoteWord("a\0b")).toThrow(QuoteError);
    expect(() => quoteWord("\ud83d")).toThrow(QuoteError);
  });
});

describe("quoteArgv", () => {
  it.each(shells)("is read back by %s as it was", (shell) => {
    fc.assert(
      fc.property(fc.array(argument, { minLength: 1, maxLength: 20 }), (argv) => {
        const sent = argv.map((text) => text.replaceAll("\0", ""));
        expect(throughShell(shell, sent)).toEqual(sent);
      }),
      { numRuns: 50, seed: 7 },
    );
  });

  it("never lets the shell's grammar see a command's name", () => {
    const { status, stderr } = spawnSync("sh", ["-c", quoteArgv(["while", "true"])], { encoding: "utf8" });
    expect(status).toBe(127);
    expect(stderr).toContain("not found");
  });
});

describe("quoteEnv", () => {
  it("exports values that a shell reads back", () => {
    const script = quoteEnv({ B: "2 'x'\n", A: "$HOME" });
    expect(script.startsWith("export A=")).toBe(true);
    expect(sh("sh", `${script}printf '%s|%s' "$A" "$B"`)).toBe("$HOME|2 'x'\n");
  });

  it("refuses a name that isn't one", () => {
    expect(() => quoteEnv({ "A;rm": "x" })).toThrow(QuoteError);
  });
});
