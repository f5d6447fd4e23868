import { nearestName, suggest } from "../../../core/definition/nearest-name.ts";

describe("nearestName", () => {
  it.each([
    ["sweps", ["setup", "sweeps"], "sweeps"],
    ["Clients", ["clients"], "clients"],
    ["read-ratio", ["readRatio"], "readRatio"],
    ["rcp", ["rpc", "http"], "rpc"],
    ["clinet", ["client", "line"], "client"],
    ["node", ["node-1"], "node-1"],
    ["zebra", ["client", "server"], undefined],
    ["a", [], undefined],
  ])("for %j among %j is %j", (name, known, expected) => {
    expect(nearestName(name, known)).toBe(expected);
  });

  it("lists what is known when nothing is near, but not without end", () => {
    expect(suggest("zebra", ["client"])).toBe("known here: `client`");
    expect(
      suggest(
        "zebra",
        Array.from({ length: 30 }, (_, i) => `host${i}`),
      ),
    ).toMatch(/, …$/);
  });
});
