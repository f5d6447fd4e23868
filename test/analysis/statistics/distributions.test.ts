import fc from "fast-check";
import {
  beta,
  binomial,
  chiSquare,
  fisherF,
  noncentralT,
  normal,
  studentT,
} from "../../../analysis/statistics/distributions.ts";
import { SampleError } from "../../../analysis/statistics/samples.ts";
import { reference, relativeError } from "./check/reference.ts";

type Unary = (...args: number[]) => number;
const functions: Record<string, Unary> = {
  normalCdf: normal.cdf,
  normalSurvival: normal.survival,
  normalQuantile: normal.quantile,
  studentCdf: studentT.cdf,
  studentSurvival: studentT.survival,
  studentQuantile: studentT.quantile,
  chiSquareCdf: chiSquare.cdf,
  chiSquareSurvival: chiSquare.survival,
  chiSquareQuantile: chiSquare.quantile,
  fisherCdf: fisherF.cdf,
  fisherSurvival: fisherF.survival,
  fisherQuantile: fisherF.quantile,
  betaQuantile: beta.quantile,
  binomialMass: binomial.mass,
  binomialCdf: binomial.cdf,
  binomialSurvival: binomial.survival,
  binomialQuantile: binomial.quantile,
  noncentralT: noncentralT.cdf,
};

describe("distributions", () => {
  it.each(Object.keys(reference.distributions))("%s equals SciPy's to 1e-10, tails included", (name) => {
    for (const { args, value } of reference.distributions[name]!) {
      const error = relativeError(functions[name]!(...args), value);
      expect({ name, args, isClose: error < 1e-10 || Math.abs(value) < 1e-300, error }).toMatchObject({
        isClose: true,
      });
    }
  });

  it("covers every function that the reference holds", () => {
    expect(Object.keys(reference.distributions).sort()).toEqual(Object.keys(functions).sort());
  });

  it("inverts: cdf(quantile(p)) is p", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true }),
        fc.double({ min: 0.5, max: 200, noNaN: true }),
        (p, df) => {
          expect(studentT.cdf(studentT.quantile(p, df), df)).toBeCloseTo(p, 12);
          expect(normal.cdf(normal.quantile(p))).toBeCloseTo(p, 13);
          expect(chiSquare.cdf(chiSquare.quantile(p, df), df)).toBeCloseTo(p, 12);
          expect(beta.cdf(beta.quantile(p, df, 3), df, 3)).toBeCloseTo(p, 12);
        },
      ),
      { numRuns: 100, seed: 1 },
    );
  });

  it("approaches the normal as degrees of freedom grow", () => {
    expect(studentT.survivalQuantile(0.025, Infinity)).toBe(normal.survivalQuantile(0.025));
    expect(studentT.density(0.3, Infinity)).toBe(normal.density(0.3));
  });

  it("refuses a probability outside 0 to 1", () => {
    expect(() => normal.quantile(1.2)).toThrow(SampleError);
    expect(() => studentT.quantile(-0.1, 4)).toThrow("a probability of -0.1");
  });
});
