import { appendFileSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ShellAgent, readSupervisorFiles } from "../../transports/agent/index.ts";
import type { TestHost } from "./test-host.ts";
import { clock, openTestHost } from "./test-host.ts";

describe("supervisor: a host made ready", () => {
  let host: TestHost;
  beforeAll(async () => {
    host = await openTestHost({ prepare: false });
  });
  afterAll(() => host.close());

  it("gets the supervisor, says what it is, and gets it again where it differs", async () => {
    const { script } = await readSupervisorFiles();
    const facts = await host.agent.prepare({});
    expect(facts).toMatchObject({
      bootId: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
      kernel: readFileSync("/proc/sys/kernel/osrelease", "utf8").trim(),
      cpuCount: readFileSync("/proc/cpuinfo", "utf8").match(/^processor/gm)?.length,
      versions: {},
    });
    appendFileSync(join(host.root, "supervisor.sh"), "# changed\n");
    rmSync(join(host.root, "put.mjs"));
    expect(await host.agent.prepare({ bootId: facts.bootId })).toEqual(facts);
    expect(readFileSync(join(host.root, "supervisor.sh")).equals(Buffer.from(script))).toBe(true);
    expect(readdirSync(host.root).sort()).toEqual([".state", "facts", "put.mjs", "supervisor.sh"]);
  });

  it("is not the expected one after a reboot", async () => {
    await expect(host.agent.prepare({ bootId: "another" })).rejects.toMatchObject({ failure: { class: "boot" } });
  });

  it("tells the versions that units left in its facts folder", async () => {
    writeFileSync(join(host.root, "facts/redis"), 'Redis "7.0"\tv=7\nmore\n');
    writeFileSync(join(host.root, "facts/gcc"), "12.2");
    const { versions } = await host.agent.prepare({});
    expect(versions).toEqual({ redis: 'Redis "7.0"\tv=7', gcc: "12.2" });
  });

  it("may have its root below a home folder that only the host knows", async () => {
    const agent = new ShellAgent(
      { host: { host: "h", address: "", port: 22, user: "me", hostKey: "" }, root: "~/deep/er/run-2" },
      { transport: host.transport, clock, files: await readSupervisorFiles() },
    );
    await agent.prepare({});
    await agent.putFile("a", new Uint8Array([65]), "644");
    expect(readFileSync(join(host.root, "../../deep/er/run-2/a"), "utf8")).toBe("A");
    expect(await agent.remove()).toEqual({ left: [] });
  });

  it("has a clock that is ours on this machine", async () => {
    const { offsetMs, errorMs } = await host.agent.clockOffset();
    expect(Math.abs(offsetMs)).toBeLessThanOrEqual(errorMs + 2);
  });
});
