import { FailureError } from "../../../core/errors/failure.ts";
import type { HostAgent, HostFacts } from "../../../core/ports/host-agent.ts";
import type { CommandResult, HostAddress, Transport } from "../../../core/ports/transport.ts";
import { readReadiness, whenReady } from "../../../transports/agent/readiness.ts";

const cloudInit = (overrides: object): string =>
  `cloud_init=${JSON.stringify({ boot_status_code: "enabled-by-generator", errors: [], status: "done", ...overrides })}`;
const answer = (...lines: readonly string[]): string =>
  [
    "boot_id=b1",
    "booted_at=1795240000",
    "instance_id=i-0123",
    "born=b1",
    "born_at=1795240030",
    cloudInit({}),
    ...lines,
    "",
  ].join("\n");

describe("readReadiness", () => {
  it("is ready when the first boot is done and nobody is at work", () => {
    expect(readReadiness(answer())).toEqual({
      kind: "ready",
      bootId: "b1",
      instanceId: "i-0123",
      start: { bootedAt: 1_795_240_000_000, setUpAt: 1_795_240_030_000, rebootDue: false },
    });
  });

  it.each([
    ["cloud-init runs", [cloudInit({ status: "running", extended_status: "running" })], /cloud-init: running/],
    ["cloud-init's answer is torn", ['cloud_init={"status": "do'], /doesn't answer in full/],
    ["our own part isn't over", ["born="], /first boot/],
    ["a reboot is scheduled", ["reboot=scheduled"], /reboot or shutdown/],
    ["a package manager is at work", ["lock=/var/lib/dpkg/lock"], /package manager.*dpkg/],
    ["it doesn't say who it is", ["boot_id="], /boot id/],
  ])("is not ready while %s", (_what, lines, why) => {
    const readiness = readReadiness(answer(...lines));
    expect(readiness).toMatchObject({ kind: "notYet", why: expect.stringMatching(why) as string });
  });

  it("is never ready after an error, and says it in cloud-init's words and the failing command's", () => {
    const lines = [
      cloudInit({ status: "error", errors: ["('scripts_user', ...)"] }),
      "said=sysctl: cannot stat",
      "said=x=1",
    ];
    expect(readReadiness(answer(...lines))).toEqual({
      kind: "failed",
      why: "('scripts_user', ...)",
      said: "sysctl: cannot stat\nx=1",
    });
    expect(readReadiness(answer(cloudInit({ status: "disabled" })))).toMatchObject({ kind: "failed" });
  });

  it("takes warnings of cloud-init, and an image without it, for no failure", () => {
    expect(readReadiness(answer(cloudInit({ extended_status: "degraded done" }))).kind).toBe("ready");
    expect(readReadiness(answer().replace(/cloud_init=.*\n/, "")).kind).toBe("ready");
  });
});

const host: HostAddress = { host: "server-0", address: "198.18.0.1", port: 22, user: "reprise", hostKey: "SHA256:x" };
const facts = { bootId: "b1", instanceId: undefined, cpuCount: 2 } as HostFacts; // the rest isn't looked at

function start(run: () => Promise<Partial<CommandResult>>, found: HostFacts = facts) {
  const asked: string[] = [];
  const transport = {
    run: async (): Promise<CommandResult> => {
      asked.push("look");
      return {
        host: "server-0",
        command: "",
        outcome: "exited",
        exitCode: 0,
        stdout: "",
        stderr: "",
        durationMs: 1,
        ...(await run()),
      };
    },
  } as unknown as Transport; // the one method that is used
  class Agent {
    private readonly found = found;
    async prepare(): Promise<HostFacts> {
      asked.push("prepare");
      return this.found;
    }
    async stop(stepId: string): Promise<void> {
      asked.push(`stop ${stepId} ${this.found.bootId}`);
    }
  }
  const agent = whenReady(new Agent() as unknown as HostAgent, host, { transport, files: { born: "/born" } });
  return { agent, asked };
}

describe("whenReady", () => {
  it("prepares a ready host and adds how it came up", async () => {
    const { agent, asked } = start(async () => ({ stdout: answer() }));
    expect(await agent.prepare({})).toMatchObject({ bootId: "b1", instanceId: "i-0123", start: { rebootDue: false } });
    expect(asked).toEqual(["look", "prepare"]);
  });

  it.each<[string, () => Promise<Partial<CommandResult>>, object]>([
    ["asks again later while it sets itself up", async () => ({ stdout: answer("born=") }), { class: "transport" }],
    ["asks again later when nobody answers", async () => ({ outcome: "unreachable" }), { class: "transport" }],
    [
      "asks again later while its login isn't there",
      () => Promise.reject(new FailureError({ class: "auth", message: "refuses the key" })),
      { class: "transport", message: expect.stringContaining("refuses the key") as string },
    ],
    [
      "fails for good on another machine's host key",
      () => Promise.reject(new FailureError({ class: "integrity", message: "shows another key" })),
      { class: "integrity" },
    ],
    [
      "fails for good when it could not set itself up",
      async () => ({ stdout: answer(cloudInit({ status: "error", errors: ["no package x"] }), "said=E: x") }),
      { class: "boot", evidence: "E: x", message: expect.stringContaining("no package x") as string },
    ],
  ])("%s, and puts nothing on the host", async (_what, run, failure) => {
    const { agent, asked } = start(run);
    await expect(agent.prepare({})).rejects.toMatchObject({ failure });
    expect(asked).toEqual(["look"]);
  });

  it("asks again later when it rebooted meanwhile", async () => {
    const { agent } = start(async () => ({ stdout: answer() }), { ...facts, bootId: "b2" });
    await expect(agent.prepare({})).rejects.toMatchObject({ failure: { class: "transport" } });
  });

  it("leaves every other call as it is", async () => {
    const { agent, asked } = start(async () => ({ stdout: answer() }));
    await agent.stop("s1");
    expect(asked).toEqual(["stop s1 b1"]);
  });
});
