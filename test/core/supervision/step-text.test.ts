import { execFileSync } from "node:child_process";
import fc from "fast-check";
import type { HostStep, Unit } from "../../../core/ports/host-agent.ts";
import { defaultStepSettings, encodeStep } from "../../../core/supervision/index.ts";

const settings = { ...defaultStepSettings, host: "server-0" };

const unitFixture = (overrides: Partial<Unit> = {}): Unit => ({
  name: "u",
  kind: "command",
  script: "true",
  env: {},
  files: [],
  workDir: ".",
  timeoutMs: 1_000,
  limits: {},
  ...overrides,
});
const stepFixture = (overrides: Partial<HostStep> = {}): HostStep => ({
  stepId: "p.t0.a1.jobs-0",
  fence: { runId: "run-1", epoch: 1, attempt: 2 },
  attemptDir: "attempts/p.t0.a1",
  units: [],
  waitsForGo: false,
  guardsServices: false,
  stops: "none",
  resets: false,
  collect: [],
  deadlineAt: 1_795_000_000_000,
  push: undefined,
  ...overrides,
});

/** What a real shell reads back, NUL-separated. */
function readBack(text: string, ...variables: string[]): string[] {
  const script = `${text}\nprintf '%s\\0' ${variables.map((name) => `"\${${name}}"`).join(" ")}`;
  return execFileSync("sh", ["-s"], { input: script, encoding: "utf8" }).split("\0").slice(0, -1);
}

describe("encodeStep", () => {
  it("carries any text through a shell unchanged", () => {
    const text = fc
      .string({ unit: "binary", maxLength: 40 })
      .filter((s) => !s.includes("\0") && !/\p{Surrogate}/u.test(s));
    fc.assert(
      fc.property(text, text, text, (script, value, content) => {
        const encoded = encodeStep(
          stepFixture({
            units: [unitFixture({ script, env: { A: value }, files: [{ path: "f", mode: "644", content }] })],
          }),
          settings,
        );
        // The environment is shell text once more: exported, then read.
        const [back, exported, file] = readBack(`${encoded}eval "$u1_env"`, "u1_script", "A", "u1_f1_content");
        expect([back, exported, file]).toEqual([script, value, content]);
      }),
      { numRuns: 25, seed: 7 },
    );
  });

  it("fills defaults and names what the supervisor reads", () => {
    const text = encodeStep(
      stepFixture({
        waitsForGo: true,
        push: { endpoint: "https://control.example/h", capability: "c1.x.y" },
        collect: [{ glob: "*.log", required: true }],
        units: [
          unitFixture({ kind: "service", ready: { kind: "port", port: 6379 } }),
          unitFixture({
            name: "e",
            kind: "event",
            undo: "undo it",
            trigger: { kind: "logLine", unit: "u", pattern: "go" },
          }),
        ],
      }),
      settings,
    );
    const expected = {
      step_key: "attempts%p.t0.a1",
      step_go: "1",
      step_push: "1",
      step_capability: "c1.x.y",
      step_part_bytes: String(1024 ** 3),
      c1_pattern: "^[^/]*[.]log$",
      c1_required: "1",
      u1_log: String(1024 ** 3),
      u1_signal: "TERM",
      u1_grace: "10000",
      u1_ready: "port",
      u1_ready_arg: "6379",
      u1_memory: "",
      u2_trigger: "logLine",
      u2_trigger_unit: "u",
      u2_undo: "undo it",
    };
    expect(readBack(text, ...Object.keys(expected))).toEqual(Object.values(expected));
  });

  it("streams pulled files whole", () => {
    expect(readBack(encodeStep(stepFixture(), settings), "step_part_bytes", "step_push")).toEqual(["0", "0"]);
  });

  it.each<[string, Partial<HostStep>]>([
    ["a step id with a slash", { stepId: "a/b" }],
    ["a step id that is hidden", { stepId: ".x" }],
    ["an attempt folder above the root", { attemptDir: "../x" }],
    ["an absolute attempt folder", { attemptDir: "/x" }],
    ["our own folder", { attemptDir: ".state/steps" }],
    ["a fraction of a deadline", { deadlineAt: 1.5 }],
    ["an endpoint that isn't a URL", { push: { endpoint: 'http://x/"\n', capability: "c" } }],
    ["a unit's name with a blank", { units: [unitFixture({ name: "a b" })] }],
    ["two units of one name", { units: [unitFixture(), unitFixture()] }],
    ["a variable that a shell can't hold", { units: [unitFixture({ env: { "A-B": "x" } })] }],
    ["a NUL character", { units: [unitFixture({ script: "a\0b" })] }],
    ["a CPU list with more in it", { units: [unitFixture({ limits: { cpus: "0; rm" } })] }],
    ["a user with more in it", { units: [unitFixture({ user: "me; id" })] }],
    ["a file above the work folder", { units: [unitFixture({ files: [{ path: "../x", mode: "644", content: "" }] })] }],
    ["an event without a trigger", { units: [unitFixture({ kind: "event" })] }],
  ])("refuses %s", (_what, overrides) => {
    expect(() => encodeStep(stepFixture(overrides), settings)).toThrow(
      expect.objectContaining({ name: "InvalidFailure" }) as Error,
    );
  });
});
