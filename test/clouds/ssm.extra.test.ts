/** A run whose hosts listen to nobody: all that we say to them goes by Systems Manager, all that is large by a bucket. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runIdIn } from "../cli/installation.ts";
import { listenLoopback } from "../emulators/common/server.ts";
import type { HttpHandler } from "../emulators/common/http.ts";
import { CloudLab } from "./cloud-lab.ts";

const timeoutSec = 900;
const quickstart = join(import.meta.dirname, "../../experiments/quickstart");

/** The quickstart with `lines` at the head of its deployment. */
function quickstartWith(folder: string, ...lines: readonly string[]): string {
  const copy = join(folder, "quickstart");
  cpSync(quickstart, copy, { recursive: true });
  const file = join(copy, "experiment.yaml");
  const text = readFileSync(file, "utf8");
  const head = /^deployments:\n {2}main:\n {4}on: local\n {4}machine: .*\n/m;
  expect(text).toMatch(head);
  writeFileSync(
    file,
    text.replace(head, ["deployments:", "  main:", ...lines.map((line) => `    ${line}`), ""].join("\n")),
  );
  return copy;
}

const machine = "machine: { vcpu: 2, memory: 2GiB, options: { aws: { instanceProfile: reprise-hosts } } }";

describe("reprise run with `reach: ssm`", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "reprise-ssm-"))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it(
    "opens no port, logs in nowhere, and gives results, a receipt and an empty account",
    async () => {
      const objects = new Map<string, string>();
      const bucket: HttpHandler = async ({ method, url }) => {
        const body = objects.get(decodeURIComponent(url.pathname).slice(1));
        if (method !== "GET" || body === undefined)
          return {
            status: 404,
            headers: { "content-type": "application/xml" },
            body: "<Error><Code>NoSuchKey</Code></Error>",
          };
        return { status: 200, headers: {}, body };
      };
      const s3 = await listenLoopback(bucket);
      const putObject = async (name: string, key: string, body: string): Promise<void> =>
        void objects.set(`${name}/${key}`, body);
      const clouds = await CloudLab.open({ timings: { agentMs: 4_000 }, hosts: {}, aws: { putObject } });
      try {
        const { installation, emulator, hosts } = clouds;
        installation.setEnv({ AWS_ENDPOINT_URL_S3: s3.url, REPRISE_SSM_BUCKET: "reprise-lab/ssm" });
        const experiment = quickstartWith(folder, "on: aws", "reach: ssm", machine);
        const args = ["run", experiment, "--only", "load:clients=2", "--yes"];
        const running = installation.start(args, { timeoutSec });
        await running.saw(/clients=2 trial 0 done/);
        const runId = runIdIn(running.stderr());
        // People's own commands go the same way.
        const asked = await installation.run(["exec", runId, "--", "id", "-un"], { timeoutSec: 100 });
        expect({ code: asked.code, said: asked.stdout.match(/^reprise$/gm) }).toEqual({
          code: 0,
          said: ["reprise", "reprise", "reprise"],
        });
        for (const { id } of hosts.running()) {
          const { stdout } = await hosts.run(id, "grep -c Accepted /var/log/sshd.log", new AbortController().signal);
          expect(stdout).toBe("0\n");
        }
        const finished = await running.done;
        expect({ code: finished.code, stderr: finished.stderr.slice(-3_000) }).toMatchObject({ code: 0 });
        expect(finished.stderr).toMatch(/3 of 3 trials valid/);
        expect(finished.stderr).toContain("nothing is left");
        expect((await installation.run(["verify", runId])).code).toBe(0);
        const [receipt] = await clouds.receipts(runId);
        expect(receipt?.resources.filter(({ outcome }) => outcome !== "gone")).toEqual([]);
        expect(clouds.leftovers()).toEqual([]);

        const { calls } = emulator.log;
        const opened = calls.filter(({ operation }) => operation === "AuthorizeSecurityGroupIngress");
        expect(opened.length).toBeGreaterThan(0);
        for (const { resource } of opened) expect(resource).not.toMatch(/\b(0\.0\.0\.0|tcp|22)\b/);
        expect(calls.filter(({ operation }) => operation === "SendCommand").length).toBeGreaterThan(20);
        // An agent that isn't there yet refuses, and is then waited for; on a quick machine none is late.
        const refused = calls.some(
          ({ outcome }) => outcome.kind === "answered" && outcome.code === "InvalidInstanceId",
        );
        expect(calls.some(({ operation }) => operation === "DescribeInstanceInformation")).toBe(refused);
        expect(objects.size).toBeGreaterThan(0);
      } finally {
        await clouds.close();
        await s3.close();
      }
    },
    timeoutSec * 1000,
  );

  it.each([
    [
      "without an instance profile",
      ["reach: ssm"],
      2,
      /server-0 .* has no instance profile[^]*AmazonSSMManagedInstanceCore/,
    ],
    ["from this machine by its fixed address", ["reach: nat", machine], 2, /fixed address[^]*reach: ssm/],
  ] as const)(
    "%s starts nothing",
    async (_what, lines, code, said) => {
      const clouds = await CloudLab.open();
      try {
        const experiment = quickstartWith(folder, "on: aws", ...lines);
        const args = ["run", experiment, "--only", "load:clients=2", "--yes"];
        const finished = await clouds.installation.run(args, { timeoutSec: 540 });
        expect({ code: finished.code, stderr: finished.stderr.slice(-1_000) }).toMatchObject({ code });
        expect(finished.stderr).toMatch(said);
        expect(clouds.emulator.log.mutating).toEqual([]);
      } finally {
        await clouds.close();
      }
    },
    600_000,
  );
});
