import { packTrials } from "../../../analysis/gallery/pack-trials.ts";

const trial = (id: string, cells: Record<string, string | number | boolean>, href?: string) => ({
  id,
  outcome: "valid" as const,
  cells,
  ...(href !== undefined && { href }),
});

describe("packTrials", () => {
  const packed = packTrials(
    {
      columns: [
        { key: "clients", label: "clients", isNumber: true },
        { key: "p50Ms", label: "p50 (ms)", isNumber: true },
      ],
      rows: [
        trial("load.clients=1.t0", { clients: 1, p50Ms: 0.5 }, "trials/a.html"),
        trial("load.clients=1.t1", { clients: 1, p50Ms: 0.6 }),
        trial("load.clients=1.t2", { clients: 1, p50Ms: 0.7 }, "trials/ab.html"),
        trial("x", { clients: 1 }),
        trial("", { clients: 1, p50Ms: 0.9 }),
      ],
    },
    { pageRows: 100, tones: { valid: "good" } },
  );

  it("writes of a text only what the one before hadn't, and nothing where there is none", () => {
    expect(packed.ids).toEqual(["0 load.clients=1.t0", "16 1", "16 2", "0 x", "0 "]);
    expect(packed.hrefs).toEqual(["0 trials/a.html", null, "8 b.html", null, null]);
  });

  it("lists values that repeat once", () => {
    expect(packed.columns).toEqual([
      { isNumber: true, values: { of: [1], at: [0, 0, 0, 0, 0] } },
      { isNumber: true, values: { all: [0.5, 0.6, 0.7, null, 0.9] } },
    ]);
  });
});
