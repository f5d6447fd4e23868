import { existsSync } from "node:fs";
import { join } from "node:path";
import { stillThere } from "./rig/evidence.ts";
import { patientQuickstart } from "./rig/patient-quickstart.ts";
import { Rig } from "./rig/rig.ts";

/**
 * The deployed control plane with the machines of three clouds: EC2, Systems Manager, ARM and Google are our emulator, the
 * machines behind it real hosts, which report and upload to the deployed stack over HTTP and reach nothing else.
 */
const minutes = 60_000;

describe("a deployed control plane with machines of clouds", () => {
  let rig: Rig;
  let quickstart = "";
  beforeAll(async () => {
    rig = await Rig.start({ clouds: true });
    quickstart = patientQuickstart(rig.folder, { clientHosts: 1 });
    await rig.deploy();
    for (const cloud of ["azure", "gcp"]) expect(await reprise("secrets", "set", cloud)).toMatchObject({ code: 0 });
  }, 25 * minutes);
  afterAll(async () => {
    await rig.stop();
  }, minutes);

  const reprise = (...args: string[]) => rig.reprise(["--engine", "aws", ...args]);

  it(
    "runs an experiment on each at once: jobs report over HTTP, logs land, nothing is left, figures come from the bucket",
    async () => {
      await Promise.all(["aws", "azure", "gcp"].map(runOn));
      expect(rig.clouds.leftovers()).toEqual([]);
      const { calls } = rig.clouds.emulator.log;
      // By Systems Manager, as the stack was deployed: no port is opened to anybody but a deployment's own hosts.
      const opened = calls.filter(({ operation }) => operation === "AuthorizeSecurityGroupIngress");
      expect(opened.length).toBeGreaterThan(0);
      for (const { resource } of opened) expect(resource).not.toMatch(/\b(0\.0\.0\.0|tcp|22)\b/);
      expect(calls.filter(({ operation }) => operation === "SendCommand").length).toBeGreaterThan(10);
    },
    25 * minutes,
  );

  async function runOn(cloud: string): Promise<void> {
    const ran = await reprise("run", quickstart, "--on", cloud, "--yes", "--only", "load:clients=2");
    expect({ cloud, ...ran }).toMatchObject({ code: 0 });
    const runId = /^run (\S+)$/m.exec(ran.stderr)?.[1] ?? "";
    const rows = JSON.parse((await reprise("--json", "results", runId)).stdout) as { outcome: string }[];
    expect(rows.map((row) => row.outcome)).toEqual(["valid", "valid", "valid"]);
    expect(await stillThere(rig.store, runId)).toEqual([]);
    expect((await reprise("verify", runId)).code).toBe(0);
    expect((await reprise("logs", runId)).stdout).toContain("listening on");
    const figures = join(rig.folder, `figures-${cloud}`);
    const drawn = await rig.reprise([
      ...["figures", "experiments/quickstart", "--run", runId],
      ...["--from", `s3://${rig.outputs.bucket}`, "-o", figures],
    ]);
    expect(drawn).toMatchObject({ code: 0 });
    expect(existsSync(join(figures, "quickstart", "latency-throughput.svg"))).toBe(true);
  }

  it(
    "tells by its own functions what is there, and whether it is well",
    async () => {
      const looked = await reprise("--json", "resources");
      expect(looked).toMatchObject({ code: 0 });
      expect(JSON.parse(looked.stdout)).toMatchObject({ resources: [], problems: [] });
      const asked = await reprise("--json", "doctor");
      const findings = JSON.parse(asked.stdout) as { name: string; verdict: string; detail: string }[];
      expect(findings.filter(({ verdict }) => verdict === "bad")).toEqual([]);
      expect(findings).toContainEqual(
        expect.objectContaining({ name: "the stack's clouds", detail: "local, aws, azure, gcp answer, 0 resources" }),
      );
    },
    5 * minutes,
  );
});
