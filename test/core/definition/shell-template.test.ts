import { spawnSync } from "node:child_process";
import fc from "fast-check";
import type { Scope } from "../../../core/definition/expression/values.ts";
import { interpreterOf, parseShellTemplate, renderShell } from "../../../core/definition/shell-template.ts";

const render = (text: string, scope: Scope): string => {
  const { script, mistakes } = parseShellTemplate(text);
  expect(mistakes).toEqual([]);
  return renderShell(script, scope);
};

/** What a shell makes of a script: its standard output. */
function run(script: string): string {
  const result = spawnSync("sh", ["-c", script], {
    encoding: "utf8",
    timeout: 300_000,
    env: { PATH: process.env["PATH"] },
  });
  expect(result.stderr).toBe("");
  return result.stdout;
}

/** Places where a value can stand; each prints it, and nothing but it, with an end mark. */
const places: Readonly<Record<string, string>> = {
  "as a word": "printf '%s|' ${{ x }}",
  "behind an equals sign": "a=${{ x }}; printf '%s|' \"$a\"",
  "inside double quotes": 'printf "%s|" "${{ x }}"',
  "inside single quotes": "printf '%s|' '${{ x }}'",
  "behind an escaped quote": "printf '%s|' \\'${{ x }} | cut -c 2-",
  "in a command substitution": "printf '%s|' \"$(printf '%s' ${{ x }})\"",
  "in quotes in a command substitution in quotes": 'printf "%s|" "$(printf "%s" "${{ x }}")"',
  "behind a comment with a quote": "# don't\nprintf '%s|' ${{ x }}",
  "in a here-document": "cat <<END\n${{ x }}|\nEND",
  "in a literal here-document": "cat <<'END'\n${{ x }}|\nEND",
  "in an indented here-document": "cat <<-END\n\t${{ x }}|\n\tEND",
  "behind a here-document": "cat >/dev/null <<END\nit's\nEND\nprintf '%s|' ${{ x }}",
  "behind a shift in arithmetic": "a=$((1 << 2))\nprintf '%s|' ${{ x }}",
  "as a default": 'printf "%s|" "${unset:-"${{ x }}"}"',
};

describe("renderShell", () => {
  it.each(Object.entries(places))("keeps any text whole %s", (name, script) => {
    // Command substitution and here-documents take line breaks at the end; that is the shell's, not ours.
    const losesEnd = name.includes("substitution") || name.includes("escaped quote") || name.includes("default");
    const isHereDoc = name.includes("here-document") && !name.startsWith("behind");
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from("ab '\"$`\\!*?;&|<>(){}[]#~=%^\t-é")), maxLength: 20 }),
        (x) => {
          const text = isHereDoc || losesEnd ? x.replaceAll("\t", "") : x;
          if (name.includes("default") && /[}]/.test(text)) return;
          const end = isHereDoc ? "|\n" : name.includes("escaped quote") ? "|\n" : "|";
          const found = run(render(script, { x: text }));
          expect(name.includes("escaped quote") ? found.trimEnd() : found).toBe(
            name.includes("escaped quote") ? `${text}|`.trimEnd() : `${text}${end}`,
          );
        },
      ),
      { numRuns: 40, seed: 7 },
    );
  });

  it("leaves plain words as they are, and quotes what a shell would read", () => {
    expect(render("run ${{ a }} ${{ b }} ${{ c }} ${{ d }}", { a: "host-1:80", b: 1.5, c: "", d: "a=b" })).toBe(
      "run host-1:80 1.5 '' 'a=b'",
    );
    expect(render("${{ a }}", { a: "if" })).toBe("'if'");
  });

  it("makes several words of a list, and none of an empty one", () => {
    expect(render("run ${{ a }} end ${{ b }}", { a: ["x y", 2], b: [] })).toBe("run 'x y' 2 end ");
  });

  it("lets raw text through where it is asked for", () => {
    expect(render("run ${{ raw(a) }}", { a: "x | sort > y" })).toBe("run x | sort > y");
  });

  it("keeps a value in a comment on its line", () => {
    expect(render("# ${{ a }}\ntrue", { a: "x\nrm -rf /" })).toBe("# x rm -rf /\ntrue");
  });

  it("refuses what no quoting carries", () => {
    const { script } = parseShellTemplate("run ${{ a }}");
    expect(() => renderShell(script, { a: "\0" })).toThrow(/NUL/);
    expect(() => renderShell(script, { a: { b: 1 } })).toThrow(/no text of its own/);
    expect(() => renderShell(script, { a: null })).toThrow(/no text of its own/);
  });
});

describe("parseShellTemplate", () => {
  it("refuses values where it can't quote them", () => {
    expect(parseShellTemplate("echo `date ${{ x }}`").mistakes[0]?.hint).toMatch(/\$\( … \)/);
    expect(parseShellTemplate("#!/usr/bin/awk -f\n{ print ${{ x }} }").mistakes[0]?.message).toMatch(/awk/);
    expect(parseShellTemplate("#!/bin/bash\necho ${{ x }}").mistakes).toEqual([]);
  });
});

describe("interpreterOf", () => {
  it.each([
    ["echo", undefined],
    ["#!/bin/sh -e\n", undefined],
    ["#!/usr/bin/env bash\n", undefined],
    ["#!/usr/bin/env -S python3 -u\n", "python3"],
    ["#!/usr/bin/node\n", "node"],
  ])("of %j is %j", (script, interpreter) => {
    expect(interpreterOf(script)).toBe(interpreter);
  });
});
