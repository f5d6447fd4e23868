import { orderBlocks } from "../../../core/plan/blocks.ts";
import { expandSweep } from "../../../core/plan/points.ts";
import { definitionText, loadText } from "../definition/load.ts";

/** `clients` of each trial, with its index and side: `2.0A`; blocks of several trials in brackets. */
function orderOf(sweep: string, seed = 1): string[] {
  const definition = loadText(definitionText({ sweeps: `{ s: ${sweep} }`, seed: String(seed) }));
  return orderBlocks(definition, "s", expandSweep(definition, "s")).map((block) =>
    block
      .map(
        ({ point, trialIndex, arm }) =>
          `${point.variant ?? ""}${String(point.parameters["clients"] as number)}.${trialIndex}${arm ?? ""}`,
      )
      .join(" "),
  );
}

describe("orderBlocks", () => {
  it("measures the whole list, then the whole list again", () => {
    expect(orderOf("{ cross: { clients: [1, 2, 3] }, trials: 2 }")).toEqual(["1.0", "2.0", "3.0", "1.1", "2.1", "3.1"]);
  });

  it("measures a point's trials in a row where that is asked for", () => {
    expect(orderOf("{ cross: { clients: [1, 2] }, trials: 2, repeat: adjacent }")).toEqual([
      "1.0",
      "1.1",
      "2.0",
      "2.1",
    ]);
  });

  it("makes what is compared alternate", () => {
    expect(
      orderOf("{ variants: { a: {}, b: {} }, cross: { clients: [1, 2] }, trials: 1, order: interleaved }"),
    ).toEqual(["a1.0", "b1.0", "a2.0", "b2.0"]);
  });

  it("shuffles each pass for itself, the same way each time", () => {
    const sweep = "{ cross: { clients: [1, 2, 3, 4, 5, 6] }, trials: 2, order: random }";
    const order = orderOf(sweep);
    expect(orderOf(sweep)).toEqual(order);
    expect(orderOf(sweep, 2)).not.toEqual(order);
    expect(order.slice(0, 6).every((text) => text.endsWith(".0"))).toBe(true);
    expect([...order].sort()).toEqual(orderOf("{ cross: { clients: [1, 2, 3, 4, 5, 6] }, trials: 2 }").sort());
    expect(order.slice(0, 6).map((text) => text[0])).not.toEqual(order.slice(6).map((text) => text[0]));
  });

  it("mixes all trials into one list", () => {
    const order = orderOf("{ cross: { clients: [1, 2, 3, 4] }, trials: 4, order: random, repeat: mixed }");
    expect(order).toHaveLength(16);
    expect(order.slice(0, 4).map((text) => text.split(".")[1])).not.toEqual(["0", "0", "0", "0"]);
  });

  it("runs both sides of a comparison without letting go, in turns", () => {
    const compare = "compare: { A: { size: 1 }, B: { size: 2 } }";
    expect(orderOf(`{ cross: { clients: [1, 2] }, trials: 3, ${compare} }`)).toEqual([
      "1.0A 1.0B 1.1B 1.1A",
      "2.0A 2.0B 2.1B 2.1A",
      "1.2A 1.2B",
      "2.2A 2.2B",
    ]);
    expect(orderOf(`{ cross: { clients: [1] }, trials: 2, compare: { pattern: AB } }`)).toEqual([
      "1.0A 1.0B",
      "1.1A 1.1B",
    ]);
  });

  it("draws the order of each pair where that is asked for", () => {
    const order = orderOf("{ cross: { clients: [1, 2, 3, 4] }, trials: 4, compare: { pattern: random } }");
    expect(order.some((block) => /^\d\.\dA/.test(block))).toBe(true);
    expect(order.some((block) => /^\d\.\dB/.test(block))).toBe(true);
  });

  it("makes points of both sides, or one trial of them", () => {
    expect(orderOf("{ trials: 1, compare: { mode: independent } }")).toEqual(["1.0A", "1.0B"]);
    expect(orderOf("{ trials: 2, compare: { mode: duet } }")).toEqual(["1.0", "1.1"]);
  });
});
