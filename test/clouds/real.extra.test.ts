/** What `npm run test:real` does, against the emulated clouds: the same flow through the same command line. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RealEffects } from "../real/real-runs.ts";
import { testRealClouds } from "../real/real-runs.ts";
import type { LabOptions } from "./cloud-lab.ts";
import { CloudLab } from "./cloud-lab.ts";

const root = join(import.meta.dirname, "../..");
const timeoutMs = 600_000;

async function inLab(
  options: LabOptions,
  work: (clouds: CloudLab, effects: RealEffects, said: string[]) => Promise<void>,
): Promise<void> {
  const clouds = await CloudLab.open(options);
  const scratch = mkdtempSync(join(tmpdir(), "reprise-real-"));
  const said: string[] = [];
  const { installation } = clouds;
  const effects: RealEffects = {
    isConfigured: () => true,
    run: (args, { timeoutSec }) => installation.run(args, { timeoutSec: Math.min(timeoutSec, 400) }),
    home: installation.home,
    scratch,
    say: (line) => void said.push(line),
  };
  try {
    await work(clouds, effects, said);
  } finally {
    await clouds.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

describe("test:real", () => {
  it.concurrent(
    "runs the quickstart on a cloud, finds its account empty, and says what it spent; leaves out who isn't known",
    () =>
      inLab({}, async (clouds, effects, said) => {
        const isConfigured = (cloud: string): boolean => cloud === "gcp";
        const results = await testRealClouds(["aws", "gcp"], 0.5, { ...effects, isConfigured });
        expect(results).toEqual([
          { cloud: "aws", verdict: "not tested", problems: [], dollars: 0 },
          { cloud: "gcp", verdict: "passed", problems: [], dollars: expect.any(Number) as number },
        ]);
        expect(results[1]?.dollars).toBeLessThan(0.5);
        expect(said.at(-1)).toMatch(/^gcp: passed, spent \$0\.\d{4} of \$0\.5$/);
        expect(clouds.leftovers()).toEqual([]);
      }),
    timeoutMs,
  );

  it.concurrent(
    "says what failed, and takes down what is left",
    () =>
      inLab(
        {
          faults: [
            {
              on: "call",
              operation: "RunInstances",
              count: 1_000,
              fault: { kind: "error", when: "before", status: 400, code: "UnauthorizedOperation" },
            },
          ],
        },
        async (clouds, effects, said) => {
          const [result] = await testRealClouds(["aws"], 0.5, effects);
          expect(result?.verdict).toBe("failed");
          expect(said.join("\n")).toMatch(/UnauthorizedOperation/);
          expect(clouds.leftovers()).toEqual([]);
        },
      ),
    timeoutMs,
  );
});

describe("scripts/test-real.sh", () => {
  it("says for each cloud that nobody is logged in, and that nothing was tested", () => {
    const env = { PATH: process.env["PATH"] ?? "", HOME: mkdtempSync(join(tmpdir(), "reprise-nobody-")) };
    const said = execFileSync(process.execPath, ["--import", "tsx", "test/real/main.ts"], {
      cwd: root,
      env,
      encoding: "utf8",
    });
    rmSync(env.HOME, { recursive: true, force: true });
    for (const cloud of ["aws", "azure", "gcp"])
      expect(said).toMatch(new RegExp(`^${cloud}: nobody is logged in`, "m"));
    expect(said).toMatch(/^nothing was tested$/m);
  });
});
