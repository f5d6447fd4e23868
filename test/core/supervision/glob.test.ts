import { FailureError } from "../../../core/errors/failure.ts";
import { globToPattern } from "../../../core/supervision/index.ts";

describe("globToPattern", () => {
  it.each([
    ["*.log", ["a.log", ".log"], ["a.logs", "x/a.log", "alog"]],
    ["**/*.log", ["a.log", "x/a.log", "x/y/a.log"], ["a.log/b", "x/a.txt"]],
    ["out/**", ["out/a", "out/b/c"], ["out", "other/a"]],
    ["out/**/x.csv", ["out/x.csv", "out/a/b/x.csv"], ["out/ax.csv", "x.csv"]],
    ["out", ["out", "out/a/b"], ["outer", "a/out"]],
    ["out/", ["out/a", "out/b/c"], ["out"]],
    ["run-?.csv", ["run-1.csv"], ["run-10.csv", "run-/.csv"]],
    ["run-[0-9].csv", ["run-7.csv"], ["run-x.csv"]],
    ["run-[!0-9].csv", ["run-x.csv"], ["run-7.csv", "run-/.csv"]],
    ["{server,client}-*.{out,err}", ["server-0.out", "client-1.err"], ["other-0.out", "server-0.log"]],
    ["a+b.c", ["a+b.c", "a+b.c/d"], ["aab.c", "a+bxc"]],
  ])("%s", (glob, matching, others) => {
    // Extended POSIX and JavaScript agree on everything that these patterns use.
    const pattern = new RegExp(globToPattern(glob));
    expect(matching.filter((path) => !pattern.test(path))).toEqual([]);
    expect(others.filter((path) => pattern.test(path))).toEqual([]);
  });

  it.each(["", "/etc/passwd", "../up", "a/../b", "a b", "a\nb", "$(x)", "a'b", "[z", "{a", "a\\*"])(
    "refuses %j",
    (glob) => {
      expect(() => globToPattern(glob)).toThrow(FailureError);
    },
  );
});
