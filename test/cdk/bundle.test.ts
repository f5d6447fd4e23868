import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleFunction } from "../../cdk/bundle.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

describe("bundleFunction", () => {
  const folder = mkdtempSync(join(tmpdir(), "reprise-functions-"));
  const bundle = async (
    entry: string,
    options: { withSupervisor?: true; mostBytes?: number } = {},
  ): Promise<string> => {
    const outDir = join(folder, entry);
    await bundleFunction(root, { entry, outDir, withSupervisor: false, ...options });
    return outDir;
  };

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(["cloud-aws", "cloud-azure", "cloud-gcp"])(
    "keeps %s, which has a cloud's whole SDK in it, below 2 MB",
    async (entry) => {
      expect(statSync(join(await bundle(entry), "index.mjs")).size).toBeLessThan(2_000_000);
    },
    600_000,
  );

  it("puts the supervisor beside a function that arms hosts", async () => {
    const outDir = await bundle("start-phase", { withSupervisor: true });
    expect(readdirSync(outDir)).toEqual(["index.mjs", "put.mjs", "supervisor.sh"]);
  });

  it("fails for a bundle that has grown too large", async () => {
    await expect(bundle("claim", { mostBytes: 500_000 })).rejects.toThrow(/bundle of claim has \d+ bytes/);
  });
});
