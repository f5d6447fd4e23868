import { armAnswerSchema, parseAnswer, stepStateSchema } from "../../../core/supervision/index.ts";

describe("parseAnswer", () => {
  const done = JSON.stringify({
    kind: "done",
    result: {
      stepId: "s",
      host: "h",
      units: [{ name: "u", kind: "job", outcome: "exited", exitCode: 255 }],
      artifacts: [],
      missing: [],
      warnings: ['say "hi"'],
      startedAt: 1,
      endedAt: 2,
    },
  });

  it("reads a whole answer", () => {
    expect(parseAnswer(`${done}\n`, stepStateSchema, "h")).toMatchObject({ kind: "done", result: { stepId: "s" } });
  });

  it("takes an answer that was cut anywhere for none", () => {
    for (let length = 0; length < done.length; length++) {
      expect(() => parseAnswer(done.slice(0, length), stepStateSchema, "h")).toThrow(
        expect.objectContaining({ name: "TransportFailure" }) as Error,
      );
    }
  });

  it("quotes what it can't read, shortened", () => {
    expect(() => parseAnswer("sh: not found", armAnswerSchema, "server-0")).toThrow(
      `server-0: the supervisor's answer came torn: "sh: not found"`,
    );
    expect(() => parseAnswer(`{"kind":"${"x".repeat(900)}"}`, armAnswerSchema, "h")).toThrow(
      expect.objectContaining({
        name: "DefectFailure",
        message: expect.stringMatching(/^h: not an answer of this version's supervisor: ".{300,400}…"$/) as string,
      }) as Error,
    );
  });

  it("takes another shape for a defect", () => {
    expect(() => parseAnswer('{"kind":"running"}', stepStateSchema, "h")).toThrow(
      expect.objectContaining({ name: "DefectFailure" }) as Error,
    );
  });
});
