import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestStream, sha256Hex } from "../../core/evidence/sha256.ts";
import type { TestHost } from "./test-host.ts";
import { eventually, openTestHost, stepFixture, unitFixture } from "./test-host.ts";

const attempt = "attempts/p.t0.a1";

async function gather(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString("utf8");
}

describe("supervisor: evidence", () => {
  let host: TestHost;
  beforeAll(async () => {
    host = await openTestHost();
  });
  afterAll(() => host.close());

  const write = (path: string, text: string): void => {
    mkdirSync(join(host.root, attempt, path, ".."), { recursive: true });
    writeFileSync(join(host.root, attempt, path), text);
  };

  it("lists matching files with length and digest, in order, each once", async () => {
    write("b.log", "two\n");
    write("a.log", "one\n");
    write("sub/deep/c.log", "three\n");
    write("sub/d.csv", "");
    write("other.txt", "no");
    write(".hidden/.x", "dot\n");
    const result = await host.run(
      stepFixture({
        stepId: "collect",
        collect: [
          { glob: "*.log", required: true },
          { glob: "**/*.log", required: true },
          { glob: "sub", required: false },
          { glob: ".hidden/", required: true },
          { glob: "absent-*", required: false },
        ],
      }),
    );
    expect(result.failure).toBeUndefined();
    expect(result.missing).toEqual(["absent-*"]);
    expect(result.artifacts).toEqual(
      [
        [".hidden/.x", "dot\n"],
        ["a.log", "one\n"],
        ["b.log", "two\n"],
        ["sub/d.csv", ""],
        ["sub/deep/c.log", "three\n"],
      ].map(([path, text]) => ({ path, sha256: sha256Hex(text!), bytes: text!.length })),
    );
  });

  it("names required globs that matched nothing, and fails by them", async () => {
    const result = await host.run(
      stepFixture({
        stepId: "missing",
        collect: [
          { glob: "results/*.csv", required: true },
          { glob: "maybe.txt", required: false },
          { glob: "trace.bin", required: true },
        ],
      }),
    );
    expect(result.missing).toEqual(["results/*.csv", "maybe.txt", "trace.bin"]);
    expect(result.failure).toMatchObject({ class: "collect", message: "no file for: results/*.csv, trace.bin" });
  });

  it("tells of a name that can't be a key", async () => {
    write("odd/with blank.txt", "x");
    write("odd/fine.txt", "y");
    const result = await host.run(stepFixture({ stepId: "odd", collect: [{ glob: "odd/**", required: true }] }));
    expect(result.artifacts.map((file) => file.path)).toEqual(["odd/fine.txt"]);
    expect(result.warnings).toEqual([
      "odd/with blank.txt: not collected: only A-Za-z0-9._=+@- and / can stand in its name",
    ]);
  });

  it("keeps the head of a log that changes while it is read, and says so", async () => {
    // Nobody ours writes it, so nothing stops it.
    await host.agent.arm(
      stepFixture({
        stepId: "writer",
        units: [
          unitFixture({
            name: "writer",
            kind: "service",
            // Large, so that reading it takes long enough for the writer to get its turn on any machine.
            script: "head -c 60000000 /dev/zero >growing.log; touch big; while :; do echo line >>growing.log; done",
            ready: { kind: "command", script: "test -f big" },
          }),
        ],
      }),
    );
    await host.finished("writer");
    const result = await host.run(
      stepFixture({ stepId: "growing", collect: [{ glob: "growing.log", required: true }] }),
    );
    const [file] = result.artifacts;
    expect(result.warnings).toEqual([
      `growing.log: changed while it was read; its first ${file!.bytes} bytes were kept`,
    ]);
    const head = await digestStream(host.agent.read(attempt, "growing.log", 0, file!.bytes));
    expect(head).toEqual({ bytes: file!.bytes, sha256: file!.sha256 });
    await host.agent.stop("writer");
    await eventually(() => host.processes().length === 0);
  });

  it("collects what there is when the step fails", async () => {
    const result = await host.run(
      stepFixture({
        stepId: "failed",
        units: [unitFixture({ name: "f", kind: "job", script: "echo partial >partial.csv; exit 1" })],
        collect: [{ glob: "partial.csv", required: true }],
      }),
    );
    expect(result.failure?.class).toBe("command");
    expect(result.artifacts).toMatchObject([{ path: "partial.csv", bytes: 8 }]);
  });

  it("handles hundreds of files", async () => {
    for (let i = 0; i < 350; i++) write(`many/f${i}`, String(i));
    const result = await host.run(stepFixture({ stepId: "many", collect: [{ glob: "many/*", required: true }] }));
    expect(result.artifacts).toHaveLength(350);
    expect(result.artifacts.find((file) => file.path === "many/f349")).toEqual({
      path: "many/f349",
      bytes: 3,
      sha256: sha256Hex("349"),
    });
    await host.agent.acknowledge("many");
    await host.agent.acknowledge("many");
    expect(await host.agent.status("many")).toMatchObject({ kind: "done" });
  });

  it("reads from an offset, to a limit, and lists outputs while they grow", async () => {
    write("read.txt", "0123456789");
    expect(await gather(host.agent.read(attempt, "read.txt", 0))).toBe("0123456789");
    expect(await gather(host.agent.read(attempt, "read.txt", 4))).toBe("456789");
    expect(await gather(host.agent.read(attempt, "read.txt", 4, 3))).toBe("456");
    expect(await gather(host.agent.read(attempt, "read.txt", 10))).toBe("");
    await expect(gather(host.agent.read(attempt, "absent", 0))).rejects.toMatchObject({ name: "CollectFailure" });
    await expect(gather(host.agent.read(attempt, "../../supervisor.sh", 0))).rejects.toThrow(
      "not a path below the root",
    );
    await host.run(stepFixture({ stepId: "out", units: [unitFixture({ name: "talk", script: "printf 12345" })] }));
    expect(await host.agent.outputs("out")).toEqual(
      expect.arrayContaining([
        { path: "talk.out", bytes: 5 },
        { path: "talk.err", bytes: 0 },
      ]),
    );
  });

  it("takes files below the root only, whole or not at all", async () => {
    await host.agent.putFile("bundle/bin/run.sh", new TextEncoder().encode("#!/bin/sh\n"), "755");
    expect(host.read("bundle/bin/run.sh")).toBe("#!/bin/sh\n");
    for (const path of ["../outside", "/etc/x", ".state/fence", "a//b", "a/./b"]) {
      await expect(host.agent.putFile(path, new Uint8Array(), "644")).rejects.toMatchObject({ name: "DefectFailure" });
    }
  });

  it("resets to an empty folder but keeps evidence that has not landed", async () => {
    write("keep.log", "unseen\n");
    await host.run(stepFixture({ stepId: "unseen", collect: [{ glob: "keep.log", required: true }] }));
    for (const id of ["collect", "odd", "growing", "failed", "many"]) await host.agent.acknowledge(id);
    const next = (attemptNumber: number) => ({
      fence: { runId: "run-1", epoch: 1, attempt: attemptNumber },
      attemptDir: `attempts/p.t0.a${attemptNumber}`,
      resets: true,
    });
    await host.run(stepFixture({ ...next(2), stepId: "reset-2" }));
    expect(host.read(`${attempt}/keep.log`)).toBe("unseen\n");
    await host.agent.acknowledge("unseen");
    await host.run(stepFixture({ ...next(3), stepId: "reset-3" }));
    expect(() => host.read(`${attempt}/keep.log`)).toThrow("ENOENT");
  });
});
