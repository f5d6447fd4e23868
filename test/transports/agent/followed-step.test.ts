import { sha256Hex } from "../../../core/evidence/sha256.ts";
import { FollowedOutput } from "../../../transports/agent/followed-step.ts";

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

function heard(text: string, pieceBytes = text.length) {
  const answers: string[] = [];
  const output = new FollowedOutput((line) => answers.push(line));
  for (let at = 0; at < text.length; at += pieceBytes) output.add(bytes(text.slice(at, at + pieceBytes)));
  return { answers, end: output.end("h") };
}

describe("FollowedOutput", () => {
  const whole = `{"kind":"armed"}\n${done(artifact("a", "one\n"), artifact("b", "two\n"))}\none\ntwo\n`;

  it.each([1, 7, 64, whole.length])("is the same in pieces of %d bytes", (pieceBytes) => {
    const { answers, end } = heard(whole, pieceBytes);
    expect(answers).toEqual(['{"kind":"armed"}']);
    expect(end?.state.kind).toBe("done");
    expect([...(end?.files ?? [])].map(([path, body]) => [path, Buffer.from(body).toString()])).toEqual([
      ["a", "one\n"],
      ["b", "two\n"],
    ]);
  });

  it("answers before the end is there, and has no end where none came whole", () => {
    const { answers, end } = heard('{"kind":"armed"}\n{"kind":"done","resu');
    expect(answers).toEqual(['{"kind":"armed"}']);
    expect(end).toBeUndefined();
    expect(heard('{"kind":"ar').answers).toEqual([]);
  });

  it("takes a step that goes on for what it is", () => {
    expect(heard('{"kind":"armed"}\n{"kind":"running","since":5}\n').end).toEqual({
      state: { kind: "running", since: 5 },
      files: new Map(),
    });
  });

  it("keeps no bytes that have another digest: a file that grew shifts those after it", () => {
    const { end } = heard(
      `{"kind":"armed"}\n${done(artifact("a", "one\n"), artifact("b", "two\n"))}\none\nmore\ntwo\n`,
    );
    expect([...(end?.files.keys() ?? [])]).toEqual(["a"]);
  });

  it("skips what the host doesn't send: large files, and those beyond the sum", () => {
    const large = artifact("large", "x".repeat(65_537));
    const small = artifact("small", "y\n");
    const { end } = heard(`{"kind":"already"}\n${done(large, small)}\ny\n`);
    expect([...(end?.files.keys() ?? [])]).toEqual(["small"]);
  });
});
