import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Podman } from "../support/podman.ts";
import { Installation, fixture, runIdIn } from "./installation.ts";

/** An image recipe of the experiment's own: built on one host, shipped through the store, run on another. */
describe("a container image that an experiment builds", () => {
  const builder = new Podman();
  const runner = new Podman({ empty: true });
  const installation = new Installation();

  afterAll(() => {
    installation.remove();
    for (const podman of [builder, runner]) podman.remove();
  });

  it("reaches the host that runs it, which knows it by the builder's digest", async () => {
    const experiment = join(installation.root, "shipped-image");
    cpSync(fixture("shipped-image"), experiment, { recursive: true });
    const file = join(experiment, "experiment.yaml");
    const text = readFileSync(file, "utf8");
    writeFileSync(
      file,
      text.replaceAll("BUILDER ", `${builder.command} `).replaceAll(/RUNNER\b(?! become)/g, runner.command),
    );

    const { code, stderr } = await installation.run(["run", experiment, "--yes"]);
    if (code !== 0) throw new Error(stderr.slice(-3_000));
    const runId = runIdIn(stderr);
    const digest = builder.run("image", "inspect", "--format", "{{.Id}}", "measured:1");
    expect(runner.run("image", "inspect", "--format", "{{.Id}}", "measured:1")).toBe(digest);
    const kept = join(installation.home, `store/objects/runs/${runId}/once.default/trial-0/attempt-1/box-0/work-0`);
    expect(readFileSync(join(kept, "out.txt"), "utf8")).toBe("from the recipe\n");
    expect(readFileSync(join(kept, "container.txt"), "utf8")).toContain(digest);
    expect((await installation.run(["verify", runId])).code).toBe(0);
    expect(runner.containers()).toEqual([]);
  });
});
