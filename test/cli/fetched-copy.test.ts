import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandContext } from "../../cli/context.ts";
import { verify } from "../../cli/commands/verify.ts";
import { runOfCopy } from "../../cli/fetched-copy.ts";
import { fetchRun } from "../../core/evidence/fetch-run.ts";
import { sealRun } from "../../core/evidence/seal-run.ts";
import { localFiles } from "../../stores/export/local-files.ts";
import { landRun, newStore, startOfTests } from "../core/evidence/run-fixture.ts";

describe("a fetched copy", () => {
  const root = mkdtempSync(join(tmpdir(), "reprise-copy-"));
  const copy = join(root, "copy");
  beforeAll(async () => {
    const store = newStore();
    await landRun(store, [{ pointKey: "clients=1", trialIndex: 0 }]);
    await sealRun(store, "r1", { now: () => startOfTests, writer: "e" });
    await fetchRun(store, "r1", localFiles(copy));
  });
  afterAll(() => {
    rmSync(root, { recursive: true, force: true });
  });

  async function verified(): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
    const lines: string[] = [];
    const context: CommandContext = {
      output: {
        json: false,
        isTerminal: false,
        columns: 100,
        line: (text = "") => void lines.push(text),
        result: () => undefined,
        document: () => undefined,
        note: () => undefined,
      },
      engine: "embedded",
      stack: { stack: "reprise", region: "us-east-1" },
      home: join(root, "home"),
    };
    return { code: await verify(context, copy), lines };
  }

  it("is that of its run, whole", async () => {
    expect(await runOfCopy(copy)).toBe("r1");
    expect((await verified()).code).toBe(0);
  });

  it.each(["run.json", "manifest.json", "SHA256SUMS", "plan.json", "definition.yaml"])(
    "names %s, whichever of its bytes is flipped",
    async (name) => {
      const file = join(copy, name);
      const whole = readFileSync(file);
      try {
        for (let at = 0; at < whole.length; at += Math.max(1, Math.floor(whole.length / 11))) {
          const flipped = Buffer.from(whole);
          flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at);
          writeFileSync(file, flipped);
          const { code, lines } = await verified();
          expect({ at, code, names: lines.some((line) => line.includes(`/${name}`)) }).toEqual({
            at,
            code: 12,
            names: true,
          });
        }
      } finally {
        writeFileSync(file, whole);
      }
    },
  );

  it("is refused where no file says whose it is", async () => {
    const empty = mkdtempSync(join(root, "empty-"));
    await expect(runOfCopy(empty)).rejects.toMatchObject({ failure: { class: "invalid" } });
    writeFileSync(join(empty, "run.json"), "{}");
    await expect(runOfCopy(empty)).rejects.toMatchObject({ failure: { class: "integrity" } });
  });
});
