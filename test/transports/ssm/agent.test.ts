import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ShellAgent } from "../../../transports/agent/index.ts";
import { bootMs, openSsmWorld } from "./ssm-world.ts";

const supervisor = (name: string): Uint8Array => readFileSync(join(import.meta.dirname, "../../../supervisor", name));

describe("ShellAgent over SsmTransport", () => {
  it("ships the supervisor and speaks with it, as over SSH", async () => {
    const world = await openSsmWorld(1);
    try {
      const [host] = world.hosts;
      const offer = async (body: Uint8Array) => {
        const file = join(world.folderOf(host!), "..", "offered");
        writeFileSync(file, body);
        return { url: pathToFileURL(file).href, revoke: async () => undefined };
      };
      const transport = world.transport({}, { offer });
      const files = { script: supervisor("supervisor.sh"), uploader: supervisor("put.mjs") };
      const root = join(world.folderOf(host!), "..", "root");
      const agent = new ShellAgent({ host: host!, root }, { transport, clock: world.clock, files });
      await world.clock.run(
        (async () => {
          await world.clock.sleep(bootMs);
          const facts = await agent.prepare({});
          expect(facts.bootId).toMatch(/^[0-9a-f-]{36}$/);
          // A second time there is nothing to ship: one question.
          const before = world.scripts.length;
          expect(await agent.prepare({ bootId: facts.bootId })).toEqual(facts);
          expect(world.scripts.length - before).toBe(1);
          await agent.putFile("bundle/hello.txt", Buffer.from("hello\n"), "600");
          expect(await agent.status("s.none")).toEqual({ kind: "unknown" });
          expect(await agent.remove()).toEqual({ left: [] });
        })(),
      );
      expect(world.scripts.map(({ script }) => script).join()).not.toContain("hello");
    } finally {
      world.close();
    }
    expect(world.emulator.violations).toEqual([]);
  });
});
