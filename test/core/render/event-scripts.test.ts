import { spawnSync } from "node:child_process";
import { shapeScript, unitScript } from "../../../core/render/event-scripts.ts";

const syntaxOf = (script: string) =>
  spawnSync("sh", ["-n", "-c", script], { encoding: "utf8", timeout: 300_000 }).stderr;

describe("shapeScript", () => {
  it.each([
    ["a rate", { rateBitsPerSec: 1e7, delayMs: undefined, loss: undefined }, ["htb rate 10000000bit burst 65536"]],
    ["delay and loss", { rateBitsPerSec: undefined, delayMs: 20, loss: 0.001 }, ["netem delay 20ms loss 0.1%"]],
    [
      "all of them",
      { rateBitsPerSec: 1e9, delayMs: 5, loss: 0.5 },
      ["netem delay 5ms loss 50%", "htb rate 1000000000bit burst 1250000"],
    ],
  ])("shapes %s, and can be undone", (_, shape, parts) => {
    const { script, undo } = shapeScript({ addresses: ["10.0.0.1", "fd00::1"], ...shape });
    for (const part of parts) expect(script).toContain(part);
    expect(syntaxOf(script)).toBe("");
    expect(syntaxOf(undo ?? "(")).toBe("");
    expect(script).toContain("for peer in 10.0.0.1 fd00::1; do");
  });
});

describe("unitScript", () => {
  it("undoes a pause alone: what was killed stays dead until the trial ends", () => {
    expect(unitScript("pause", "s-0")).toEqual({ script: "reprise-unit pause s-0", undo: "reprise-unit resume s-0" });
    expect(unitScript("kill", "s-0").undo).toBeUndefined();
  });
});
