import { sha256Hex } from "../../../core/evidence/sha256.ts";
import { readFollowed } from "../../../transports/agent/followed-step.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const artifact = (path: string, body: string): { path: string; sha256: string; bytes: number } => ({
  path,
  sha256: sha256Hex(bytes(body)),
  bytes: body.length,
});
const done = (...artifacts: readonly object[]): string => {
  const result = {
    stepId: "s",
    host: "h",
    units: [],
    artifacts,
    missing: [],
    warnings: [],
    startedAt: 1,
    endedAt: 2,
  };
  return JSON.stringify({ kind: "done", result });
};

const pathsOf = (text: string): string[] => [...readFollowed(bytes(text), "h").files.keys()];

describe("readFollowed", () => {
  it("gives the state and the files that came with it", () => {
    const { state, files } = readFollowed(
      bytes(`${done(artifact("a", "one\n"), artifact("b", "two\n"))}\none\ntwo\n\n`),
      "h",
    );
    expect(state.kind).toBe("done");
    expect([...files].map(([path, body]) => [path, Buffer.from(body).toString()])).toEqual([
      ["a", "one\n"],
      ["b", "two\n"],
    ]);
  });

  it("takes no cut state for one", () => {
    expect(() => readFollowed(bytes('{"kind":"done","resu'), "h")).toThrow("torn");
  });

  it("takes a step that was superseded for what it is", () => {
    const by = { runId: "r", epoch: 2, attempt: 3 };
    expect(readFollowed(bytes(`${JSON.stringify({ kind: "superseded", by })}\n\n`), "h")).toEqual({
      state: { kind: "superseded", by },
      files: new Map(),
    });
  });

  it("keeps no bytes that have another digest: a file that grew shifts those after it", () => {
    expect(pathsOf(`${done(artifact("a", "one\n"), artifact("b", "two\n"))}\none\nmore\ntwo\n`)).toEqual(["a"]);
  });

  it("skips what the host doesn't send: large files, and those beyond the sum", () => {
    const large = artifact("large", "x".repeat(65_537));
    expect(pathsOf(`${done(large, artifact("small", "y\n"))}\ny\n`)).toEqual(["small"]);
  });
});
