import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTestHost, stepFixture, unitFixture } from "./test-host.ts";

// Needs root: mounts a small file system, starts units as another user.
describe("supervisor as root", () => {
  it("names a full disk, keeps what there is and still reports", async () => {
    const disk = mkdtempSync(join(tmpdir(), "reprise-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "none", disk]);
    try {
      const host = await openTestHost({ within: disk });
      const result = await host.run(
        stepFixture({
          stepId: "fills",
          units: [
            unitFixture({
              name: "fill",
              kind: "job",
              script: "echo first >first.txt; cat /dev/zero >fill.bin && exit 0; exit 5",
            }),
          ],
          collect: [{ glob: "*.txt", required: true }],
        }),
      );
      expect(result.failure?.message).toMatch(/^job fill: exit code 5.*; the disk is full \(.*reprise-disk-/);
      expect(result.warnings).toEqual([expect.stringMatching(/^the disk is full: \d+ KiB left on .*reprise-disk-/)]);
      expect(result.artifacts).toMatchObject([{ path: "first.txt", bytes: 6 }]);
      // A step that can't be stored is refused with the reason; removal works all the same.
      await expect(
        host.agent.arm(
          stepFixture({ stepId: "next", units: [unitFixture({ name: "x", script: "#".repeat(900_000) })] }),
        ),
      ).rejects.toMatchObject({ failure: { host: "server-0" } });
      await host.close();
    } finally {
      execFileSync("umount", ["-l", disk]);
      rmSync(disk, { recursive: true });
    }
  });

  it("holds units on their CPUs by a cpuset, of either version, and takes it away afterwards", async () => {
    const host = await openTestHost();
    const result = await host.run(
      stepFixture({
        stepId: "held",
        units: [unitFixture({ name: "held", script: "cat /proc/self/cgroup", limits: { cpus: "1" } })],
      }),
    );
    expect(result.warnings).toEqual([]);
    expect(result.units[0]?.pinned).toEqual({ by: "cpuset", cpus: "1" });
    const [, id = "nowhere"] =
      /^(?:\d+:cpuset:|0::)\/(reprise-[^/]+)\/[^/]*held/m.exec(host.read("attempts/p.t0.a1/held.out")) ?? [];
    expect(id).not.toBe("nowhere");
    // Noted for whoever removes the host without asking it.
    expect(host.read(".state/cgroup")).toContain(`/sys/fs/cgroup/cpuset/${id}`);
    await host.close();
    expect(["/sys/fs/cgroup", "/sys/fs/cgroup/cpuset"].filter((top) => existsSync(join(top, id)))).toEqual([]);
  });

  it("starts a unit as another user, in folders that this user may use", async () => {
    const host = await openTestHost();
    for (const up of ["..", "../.."]) chmodSync(join(host.root, up), 0o755);
    const result = await host.run(
      stepFixture({
        stepId: "user",
        units: [
          unitFixture({
            name: "u",
            user: "nobody",
            workDir: "work",
            files: [{ path: "secret", mode: "600", content: "x" }],
            script:
              'id -un; echo $USER $HOME; cat secret; touch mine; read -r ours _ <"$REPRISE_ROOT/.state/names/user"; ' +
              'ours=$REPRISE_ROOT/.state/steps/$ours; [ -d "$ours" ] && ! cat "$ours/step.sh" 2>/dev/null',
          }),
        ],
      }),
    );
    expect(result.failure).toBeUndefined();
    expect(host.read("attempts/p.t0.a1/u.out")).toBe("nobody\nnobody /nonexistent\nx");
    expect(statSync(join(host.root, "attempts/p.t0.a1/work/mine")).uid).not.toBe(0);
    const absent = await host.run(
      stepFixture({ stepId: "absent", units: [unitFixture({ name: "a", user: "no-such-user", script: "true" })] }),
    );
    expect(absent.failure).toMatchObject({ class: "invalid", message: "a: this host has no user no-such-user" });
    await host.close();
  });
});
