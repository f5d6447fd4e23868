import { parseFilter } from "./filter.ts";

describe("parseFilter", () => {
  const item = { name: "host-1", status: "RUNNING", labels: { "reprise-run": "r1" }, guestCpus: 4 };

  it.each<[string, boolean]>([
    ["", true],
    ["name = host-1", true],
    ['name="host-2"', false],
    ["name != host-2", true],
    ["labels.reprise-run=r1", true],
    ["labels.reprise-run:*", true],
    ["labels.other:*", false],
    ["(labels.reprise-run = r1) (status = RUNNING)", true],
    ["labels.reprise-run = r1 AND status = STOPPED", false],
    ["name eq host-.*", true],
    ["name ne host-.*", false],
    ["guestCpus = 4", true],
  ])("%s", (filter, expected) => {
    expect(parseFilter(filter)(item)).toBe(expected);
  });

  it.each(["name = a OR name = b", "NOT name = a", "guestCpus > 2"])("refuses what it doesn't know: %s", (filter) => {
    expect(() => parseFilter(filter)).toThrow(/not emulated/);
  });
});
