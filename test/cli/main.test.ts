import { spawnSync } from "node:child_process";
import { join } from "node:path";

const repository = join(import.meta.dirname, "../..");
const reprise = (...words: readonly string[]) =>
  spawnSync(process.execPath, ["--import", "tsx", "cli/main.ts", ...words], { cwd: repository, encoding: "utf8" });

describe("the command line", () => {
  it("tells programs, too, what is wrong with their words", () => {
    const { status, stdout, stderr } = reprise("run", "--json");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(JSON.parse(stderr)).toEqual({
      error: {
        class: "invalid",
        message: "missing required argument 'experiment'",
        hint: "`reprise --help` lists the commands",
      },
    });
  });

  it("takes what stands behind -- for words of the command on the host", () => {
    const { status, stderr } = reprise("exce", "last", "--", "ls", "--json");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^error: unknown command 'exce'\n\(Did you mean exec\?\)\n/);
  });
});
