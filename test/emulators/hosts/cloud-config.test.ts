import { spawnSync } from "node:child_process";
import { readCloudConfig, toShellScript } from "./cloud-config.ts";

describe("readCloudConfig", () => {
  it("takes a machine that was told nothing", () => {
    expect(readCloudConfig("")).toMatchObject({ users: [], packages: [], disable_root: true });
  });

  it.each([
    ["text that cloud-init would ignore", "users: []\n", /#cloud-config/],
    ["what isn't emulated", "#cloud-config\nsnap: {}\n", /snap/],
    ["what isn't emulated further in", "#cloud-config\nusers:\n  - name: a\n    uid: 5\n", /uid/],
  ])("refuses %s", (_what, text, why) => {
    expect(() => readCloudConfig(text)).toThrow(why);
  });
});

describe("toShellScript", () => {
  it("quotes words of a list and leaves a text as it is", () => {
    const script = toShellScript([["printf", "%s\\n", "it's", "a b"], "echo $((1 + 1))"]);
    expect(spawnSync("sh", ["-c", script], { encoding: "utf8" }).stdout).toBe("it's\na b\n2\n");
  });
});
