import { z } from "zod";
import {
  checkRows,
  defineFigure,
  FigureNameError,
  FigureRowsError,
  missingTrials,
  trialsFor,
} from "../../analysis/figure.ts";
import { trialFixture } from "./trial-fixture.ts";

const figure = defineFigure({
  name: "p50-by-clients",
  caption: "c",
  estimator: "e",
  row: z.object({ clients: z.number(), p50Ms: z.number() }),
  spec: () => ({ data: { values: [] }, mark: "point", encoding: {} }),
  needs: { sweeps: ["load"], points: ({ clients }) => clients !== 1 },
});

describe("defineFigure", () => {
  it.each(["P50", "p50 by clients", "../p50", "p50-", ""])("refuses the name %j", (name) => {
    expect(() => defineFigure({ ...figure, name })).toThrow(FigureNameError);
  });
});

describe("checkRows", () => {
  it("names row, field and value of what is bad", () => {
    const check = (): unknown =>
      checkRows(figure, [{ clients: 1, p50Ms: 2 }, { clients: 2, p50Ms: NaN }, { p50Ms: 3 }]);
    expect(check).toThrow(FigureRowsError);
    expect(check).toThrow("2 of 3 rows are bad");
    try {
      check();
    } catch (error) {
      expect(String((error as FigureRowsError).hint)).toMatch(
        /row 1, p50Ms: .*\(NaN\)\nrow 2, clients: .*\(undefined\)/,
      );
    }
  });
  it("refuses to draw nothing", () => {
    expect(() => checkRows(figure, [])).toThrow("figure p50-by-clients has no rows");
  });
});

describe("trialsFor and missingTrials", () => {
  const planned = [
    { sweep: "load", pointKey: "clients=1", parameters: { clients: 1 }, trialIndex: 0 },
    { sweep: "load", pointKey: "clients=4", parameters: { clients: 4 }, trialIndex: 0 },
    { sweep: "load", pointKey: "clients=4", parameters: { clients: 4 }, trialIndex: 1 },
    { sweep: "other", pointKey: "clients=9", parameters: { clients: 9 }, trialIndex: 0 },
  ];
  it("take the sweeps and points that the figure needs", () => {
    expect(trialsFor(figure, planned)).toEqual(planned.slice(1, 3));
  });
  it("name the planned trials that aren't there", () => {
    expect(missingTrials(figure, planned, [trialFixture()])).toEqual(["clients=4 trial 1"]);
  });
});
