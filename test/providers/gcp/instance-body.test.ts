import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { MachineShape } from "../../../core/ports/provider.ts";
import { buildInstance, leaseScript, terminationOf } from "../../../providers/gcp/instance-body.ts";
import type { HostIntent, InstanceBody } from "../../../providers/gcp/instance-body.ts";
import { isFailure, readOptions } from "../../../providers/gcp/options.ts";
import { deploymentIntents } from "./gcp-world.ts";

const hour = 3_600_000;

function intentWith(shape: Partial<MachineShape>, ttlMs = hour): HostIntent {
  const intent = deploymentIntents("d1", 1, { shape, ttlMs })[1]!;
  return { ...intent, host: intent.host! };
}

function bodyOf(shape: Partial<MachineShape>, ttlMs?: number): InstanceBody {
  const options = readOptions(shape.options ?? {});
  if (isFailure(options)) throw new Error(options.message);
  return buildInstance(intentWith(shape, ttlMs), options, "us-central1-a", Date.UTC(2026, 0, 1));
}

describe("buildInstance", () => {
  it("lets Google end the machine a week after its last create call, or with a longer lease", () => {
    expect(bodyOf({}).scheduling.terminationTime).toBe("2026-01-08T00:02:00.000Z");
    expect(bodyOf({ options: { maxLifetimeHours: 1 } }).scheduling.terminationTime).toBe("2026-01-01T01:02:00.000Z");
    expect(bodyOf({}, 30 * 24 * hour).scheduling.terminationTime).toBe("2026-01-31T00:00:00.000Z");
    const options = readOptions({});
    if (!isFailure(options)) expect(terminationOf(intentWith({}), options)).toBe(Date.UTC(2026, 0, 8, 0, 2));
  });

  it("never lets a spot or confidential machine migrate", () => {
    expect(bodyOf({}).scheduling).toMatchObject({ provisioningModel: "STANDARD", onHostMaintenance: "MIGRATE" });
    expect(bodyOf({ spot: true }).scheduling).toMatchObject({
      provisioningModel: "SPOT",
      onHostMaintenance: "TERMINATE",
    });
    expect(bodyOf({ options: { confidential: "TDX" } }).scheduling.onHostMaintenance).toBe("TERMINATE");
  });

  it("asks for local disks, but of types that come with theirs", () => {
    const disks = [{ kind: "localNvme", bytes: undefined, mount: "/fast", fileSystem: undefined }] as const;
    const scratch = { type: "SCRATCH", interface: "NVME" };
    expect(bodyOf({ disks }).disks[1]).toMatchObject(scratch);
    expect(bodyOf({ disks, type: "c3-standard-8-lssd" }).disks).toHaveLength(1);
  });

  it("gives hosts no account unless one is named, and then the scopes that are", () => {
    expect(bodyOf({})["serviceAccounts"]).toBeUndefined();
    const scopes =
      "https://www.googleapis.com/auth/devstorage.read_write,https://www.googleapis.com/auth/logging.write";
    expect(bodyOf({ options: { serviceAccount: "default", scopes } })["serviceAccounts"]).toEqual([
      { email: "default", scopes: scopes.split(",") },
    ]);
  });

  it("takes an image of the own project by its name", () => {
    expect(bodyOf({ image: "mine" }).disks[0]).toMatchObject({
      initializeParams: { sourceImage: "global/images/mine" },
    });
  });

  it("passes every rare option on", () => {
    const options = {
      network: "projects/host/global/networks/shared",
      subnetwork: "bench",
      nicType: "GVNIC",
      networkTier: "STANDARD",
      threadsPerCore: 1,
      minCpuPlatform: "Intel Ice Lake",
      onHostMaintenance: "TERMINATE",
      bootDiskType: "pd-ssd",
    };
    expect(bodyOf({ options })).toMatchObject({
      networkInterfaces: [
        {
          network: "projects/host/global/networks/shared",
          subnetwork: "regions/us-central1/subnetworks/bench",
          nicType: "GVNIC",
          accessConfigs: [{ type: "ONE_TO_ONE_NAT", networkTier: "STANDARD" }],
        },
      ],
      advancedMachineFeatures: { threadsPerCore: 1 },
      minCpuPlatform: "Intel Ice Lake",
      scheduling: { onHostMaintenance: "TERMINATE" },
      disks: [{ initializeParams: { diskType: "zones/us-central1-a/diskTypes/pd-ssd" } }],
    });
  });
});

describe("readOptions", () => {
  it.each<[Record<string, string | number | boolean>, RegExp]>([
    [{ tier1: true, nicType: "VIRTIO_NET" }, /GVNIC/],
    [{ confidential: "SEV_SNP", onHostMaintenance: "MIGRATE" }, /can't migrate/],
    [{ network: "own", subnetwork: "x" }, /own network/],
    [{ serviceAccount: "nobody" }, /serviceAccount/],
    [{ serviceAccount: "default", scopes: "cloud-platform" }, /scopes/],
  ])("refuses %j", (options, message) => {
    const failure = readOptions(options);
    expect(isFailure(failure) && failure.message).toMatch(message);
  });
});

describe("leaseScript", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "gcp-lease-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  /** Runs the loop of the script while the metadata gives these answers in turn ("!" fails), then ends it. */
  function mirror(before: string, answers: readonly string[]): string {
    const file = join(dir, "expires-at");
    writeFileSync(file, before);
    answers.forEach((answer, i) => writeFileSync(join(dir, `answer-${i}`), answer));
    const tool = (name: string, text: string): void => {
      writeFileSync(join(dir, name), `#!/bin/sh\n${text}`);
      chmodSync(join(dir, name), 0o755);
    };
    tool(
      "curl",
      `n=$(cat ${dir}/asked 2>/dev/null || echo 0)
echo $((n + 1)) > ${dir}/asked
[ -e ${dir}/answer-$n ] || { kill $(cat ${dir}/pid); exit 1; }
grep -q '!' ${dir}/answer-$n && exit 22
cat ${dir}/answer-$n`,
    );
    tool("sleep", ":");
    const script = leaseScript(file);
    const loop = /<<'END'\n([\s\S]+)\nEND\n/.exec(script)?.[1] ?? "";
    writeFileSync(`${file}-mirror`, `echo $$ > ${dir}/pid\n${loop}`);
    try {
      const env = { PATH: `${dir}${delimiter}${process.env["PATH"] ?? ""}` };
      execFileSync("/bin/sh", [`${file}-mirror`, file, "http://metadata"], { env, stdio: "ignore" });
    } catch (error) {
      expect(error).toMatchObject({ signal: "SIGTERM" });
    }
    return readFileSync(file, "utf8").trim();
  }

  it.each<[string, string, string[], string]>([
    ["carries a later time over", "1000", ["1000", "2000"], "2000"],
    ["never brings the end nearer", "3000", ["2000"], "3000"],
    ["goes on when the metadata don't answer", "1000", ["!", "2000"], "2000"],
    ["takes no nonsense", "1000", ["<html>", ""], "1000"],
    ["mends a torn file", "10x", ["2000"], "2000"],
    ["writes where there was nothing", "", ["2000"], "2000"],
  ])("%s", (_name, before, answers, after) => {
    expect(mirror(before, answers)).toBe(after);
  });

  it("is a script that a shell takes", () => {
    execFileSync("/bin/sh", ["-n"], { input: leaseScript() });
  });
});
