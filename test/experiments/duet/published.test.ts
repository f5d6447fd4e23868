import { checkRows } from "../../../analysis/figure.ts";
import { mean, median } from "../../../analysis/statistics/descriptive.ts";
import { minimalDetectableSlowdown } from "../../../analysis/duet/original-analysis.ts";
import { parseTable, watchedTables } from "../../../experiments/duet/published-data.ts";
import { collectPublished, publishedFigures } from "../../../experiments/duet/published.ts";
import { speedups } from "../../../experiments/duet/research-figures.ts";
import { describeShared, hasShared, readShared } from "../../analysis/statistics/shared-data.ts";

const read = async (path: string): Promise<Uint8Array | undefined> => {
  try {
    return new TextEncoder().encode(readShared(`published/duet/${path}`));
  } catch {
    return undefined;
  }
};

interface Reference {
  readonly rq1: {
    readonly published_subset: {
      readonly per_environment_median: Readonly<Record<string, number>>;
      readonly per_environment_mean: Readonly<Record<string, number>>;
      readonly n: number;
    };
  };
  readonly rq3: { readonly aa_match_by_method: Readonly<Record<string, number>> };
  readonly rq4: {
    readonly mds_first_slowdown_with_all_later_match_at_most_5pct: {
      readonly ci_test: Readonly<Record<string, number | null>>;
    };
  };
}
const reference = (hasShared ? JSON.parse(readShared("systems/duet.reference.json")) : {}) as Reference; // these fields are in it

describeShared("the duet thesis' figures from its published data", () => {
  const rowsOf = async (name: string): Promise<readonly Record<string, unknown>[]> => {
    for await (const { figure, rows } of collectPublished(read))
      if (figure.name === name) return rows as readonly Record<string, unknown>[]; // a figure's rows are objects
    throw new Error(`no figure ${name}`);
  };

  it("all have rows of their type, from files with digests, and nothing is missing", async () => {
    const names: string[] = [];
    for await (const { figure, rows, artifacts, missing } of collectPublished(read)) {
      names.push(figure.name);
      expect(checkRows(figure, rows)).toHaveLength(rows.length);
      expect(missing).toEqual([]);
      // The command knows by these whether a figure must be drawn again.
      const inputs = publishedFigures.find((published) => published.figure.name === figure.name)?.inputs ?? [];
      expect(artifacts.map(({ key }) => key)).toEqual([...inputs].sort());
      expect(() => figure.spec(rows) as unknown).not.toThrow();
    }
    expect(names).toHaveLength(publishedFigures.length);
    expect(new Set(names).size).toBe(names.length);
  });

  it("are collected alone when one is asked for", async () => {
    const found: string[] = [];
    for await (const { figure } of collectPublished(read, { names: ["rq3-width"] })) found.push(figure.name);
    expect(found).toEqual(["rq3-width"]);
  });

  it("RQ1: speed-ups equal the published ones, and their medians and means the reference's", async () => {
    const { table } = watchedTables(read);
    const found = speedups(await table("rq1-runs.csv"));
    const published = await table("rq1-speedup.csv");
    const keyed = new Map(found.map((row) => [`${row.environment}/${row.suite}/${row.benchmark}`, row.speedup]));
    for (const row of published) {
      const key = `${row.text("environment")}/${row.text("suite")}/${row.text("benchmark")}`;
      expect(Math.abs((keyed.get(key) ?? NaN) - row.number("runtime_speedup"))).toBeLessThan(1e-6);
    }
    const { per_environment_median: medians, per_environment_mean: means, n } = reference.rq1.published_subset;
    expect(found).toHaveLength(n);
    for (const [environment, expected] of Object.entries(medians)) {
      const own = found.filter((row) => row.environment === environment).map(({ speedup }) => speedup);
      expect(median(own)).toBeCloseTo(expected, 5);
      expect(mean(own)).toBeCloseTo(means[environment] ?? NaN, 5);
    }
  });

  it("RQ3: shares judged equal are the reference's", async () => {
    const rows = await rowsOf("rq3-match-interval");
    expect(rows).toHaveLength(Object.keys(reference.rq3.aa_match_by_method).length);
    for (const row of rows) {
      const key = `${String(row["environment"])}/${String(row["suite"])}/${String(row["method"])}`;
      expect(row["matchRatio"]).toBeCloseTo(reference.rq3.aa_match_by_method[key] ?? NaN, 4);
    }
  });

  it("RQ4: where the drawn lines stay below 5 % is the reference's minimal detectable slow-down", async () => {
    const curves = new Map<string, { slowdown: number; matchRatio: number }[]>();
    for (const row of await rowsOf("rq4-missed-interval")) {
      const key = `${String(row["environment"])}/${String(row["suite"])}/${String(row["method"])}`;
      curves.set(key, [
        ...(curves.get(key) ?? []),
        { slowdown: Number(row["slowdownPercent"]) / 100, matchRatio: Number(row["matchRatio"]) },
      ]);
    }
    const expected = reference.rq4.mds_first_slowdown_with_all_later_match_at_most_5pct.ci_test;
    expect(curves.size).toBe(Object.keys(expected).length);
    for (const [key, curve] of curves) {
      const found = minimalDetectableSlowdown(curve);
      if (expected[key] === null) expect(found).toBeUndefined();
      else expect(found).toBeCloseTo(expected[key] ?? NaN, 6);
    }
  });

  it("precision: twice the results narrow a duet's interval by about the root of two", async () => {
    const rows = (await rowsOf("precision-by-results")).filter((row) => row["method"] === "duet");
    const width = (panel: unknown, results: number) =>
      Number(rows.find((row) => row["panel"] === panel && row["results"] === results)?.["widthPercent"]);
    for (const panel of new Set(rows.map((row) => row["panel"]))) {
      const ratio = width(panel, 200) / width(panel, 400);
      expect(ratio).toBeGreaterThan(1.2);
      expect(ratio).toBeLessThan(1.7);
    }
  });
});

describe("published tables", () => {
  it("that aren't there give no rows, and say so", async () => {
    for await (const { rows, missing } of collectPublished(async () => undefined)) {
      expect(rows).toEqual([]);
      expect(missing[0]).toMatch(/no such file/);
    }
  });
  it("name the file and the column that they lack", () => {
    const [row] = parseTable("a,b\n1,\n", "t.csv");
    expect([row?.number("a"), row?.number("b"), row?.text("b")]).toEqual([1, NaN, ""]);
    expect(() => row?.text("c")).toThrow("t.csv:2: there is no column c");
  });
});
