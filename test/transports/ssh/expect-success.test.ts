import type { CommandResult } from "../../../core/ports/transport.ts";
import { expectSuccess, parseSuccess } from "../../../transports/ssh/index.ts";

const result = (overrides: Partial<CommandResult> = {}): CommandResult => ({
  host: "server-0",
  command: "nproc",
  outcome: "exited",
  exitCode: 0,
  stdout: "8\n",
  stderr: "",
  durationMs: 5,
  ...overrides,
});

describe("expectSuccess", () => {
  it("gives a success back", () => {
    expect(expectSuccess(result())).toEqual(result());
  });

  it.each([
    ["exited", 255, "command", "exit code 255: server-0: nproc"],
    ["timedOut", undefined, "timeout", "no end after 5 ms: server-0: nproc"],
    ["canceled", undefined, "cancelled", "canceled: server-0: nproc"],
    ["unreachable", undefined, "transport", "unreachable: server-0: nproc"],
    ["connectionLost", undefined, "transport", "connection lost: server-0: nproc"],
  ] as const)("makes %s (%s) a failure of class %s", (outcome, exitCode, failureClass, message) => {
    const failed = result({ outcome, exitCode, stderr: " why \n" });
    expect(() => expectSuccess(failed)).toThrow(
      expect.objectContaining({ failure: { class: failureClass, message, hint: "why", host: "server-0" } }) as Error,
    );
  });
});

describe("parseSuccess", () => {
  it("reads the answer as the task says", () => {
    expect(parseSuccess({ argv: ["nproc"], timeoutMs: 1, idempotent: true, parse: Number }, result())).toBe(8);
  });
});
