import { expandSweep } from "../../../core/plan/points.ts";
import { valueAt } from "../../../core/definition/json-values.ts";
import { definitionText, loadFixture, loadText } from "../definition/load.ts";

const sweepOf = (sweep: string, over: Readonly<Record<string, string>> = {}) =>
  expandSweep(loadText(definitionText({ sweeps: `{ s: ${sweep} }`, ...over })), "s");
const values = (sweep: string, ...paths: string[]) =>
  sweepOf(sweep).map((point) => paths.map((path) => valueAt(point.parameters, path.split("."))));

describe("expandSweep", () => {
  it("multiplies lists, the first written the slowest", () => {
    expect(values("{ cross: { clients: [1, 2], size: [3, 4] } }", "clients", "size")).toEqual([
      [1, 3],
      [1, 4],
      [2, 3],
      [2, 4],
    ]);
  });

  it("gives Pirateship's checked expansion, where the nested list is the slow one", () => {
    expect(values("{ cross: { node.batch: [1, 5], clients: [1, 2] } }", "clients", "node.batch")).toEqual([
      [1, 1],
      [2, 1],
      [1, 5],
      [2, 5],
    ]);
  });

  it("multiplies lists of sibling trees, which Pirateship forgot", () => {
    const definition = loadFixture("pirateship/lan");
    expect(expandSweep(definition, "siblings").map((point) => point.key)).toEqual([
      "siblings.num_crypto_workers=1+max_concurrent_requests=16",
      "siblings.num_crypto_workers=1+max_concurrent_requests=32",
      "siblings.num_crypto_workers=3+max_concurrent_requests=16",
      "siblings.num_crypto_workers=3+max_concurrent_requests=32",
    ]);
  });

  it("overrides deeply: defaults, then what all points share, then each axis", () => {
    const [point] = sweepOf("{ set: { node: { batch: 6 } }, variants: { a: { node: { inner: { on: false } } } } }");
    expect(point?.parameters["node"]).toEqual({ batch: 6, inner: { on: false } });
    expect(point?.variant).toBe("a");
  });

  it("lets a variant replace a value by one of another kind where the parameter allows any", () => {
    const definition = loadFixture("pirateship/lan");
    const requests = expandSweep(definition, "ycsb").map((point) =>
      valueAt(point.parameters, ["client", "workload_config", "request_config", "KVReadWriteYCSB", "read_ratio"]),
    );
    expect(requests).toEqual([0, 0.5]);
  });

  it("walks zipped lists together, as one axis among others", () => {
    expect(
      values(
        "{ zip: { clients: [1, 2], size: [10, 20] }, cross: { node.batch: [1, 2] } }",
        "clients",
        "size",
        "node.batch",
      ),
    ).toEqual([
      [1, 10, 1],
      [1, 10, 2],
      [2, 20, 1],
      [2, 20, 2],
    ]);
  });

  it("takes several groups of zipped lists, and points written out, as axes", () => {
    expect(
      sweepOf("{ zip: [{ clients: [1, 2] }, { size: [1, 2] }], points: [{ node.batch: 1 }, { node.batch: 2 }] }"),
    ).toHaveLength(8);
  });

  it("computes lists from expressions", () => {
    expect(values('{ cross: { size: "${{ [pow(2, i) for i in range(3)] }}" } }', "size")).toEqual([[1], [2], [4]]);
  });

  it("leaves out and adds points", () => {
    const sweep =
      "{ cross: { clients: [1, 2], size: [3, 4] }, exclude: [{ clients: 2, size: 3 }, { clients: 1, size: 4 }], include: [{ clients: 9 }] }";
    expect(values(sweep, "clients", "size")).toEqual([
      [1, 3],
      [2, 4],
      [9, 10],
    ]);
  });

  it("counts the same point once", () => {
    expect(
      sweepOf("{ cross: { clients: [1, 1, 2] }, include: [{ clients: 2 }, { clients: 3 }] }").map((p) => p.key),
    ).toEqual(["s.clients=1", "s.clients=2", "s.clients=3"]);
  });

  it("has one point without any axis", () => {
    expect(sweepOf("{ set: { clients: 7 } }").map((point) => [point.key, point.parameters["clients"]])).toEqual([
      ["s.default", 7],
    ]);
  });

  it("names points so that any store and file system keeps them apart", () => {
    const parameters = "{ t: { default: x, type: any }, deep: { a: { n: 1 }, b: { n: 1 } } }";
    const points = sweepOf(
      '{ cross: { t: ["a/b c", "A", "a", "", { k: [1] }, 0.5, true, "ü"] }, points: [{ deep.a.n: 1, deep.b.n: 2 }] }',
      { parameters, trial: "{ jobs: { load: { on: client, run: x } } }" },
    );
    const keys = points.map((point) => point.key);
    expect(new Set(keys.map((key) => key.toLowerCase())).size).toBe(8);
    for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9._=+@-]{1,150}$/);
    expect(keys[1]).toBe("s.t=A+deep.a.n=1+deep.b.n=2");
  });

  it("keeps long names short enough for a folder", () => {
    const values = Array.from({ length: 3 }, (_, i) => `"${"long-value-".repeat(3)}${i}"`).join(", ");
    const points = sweepOf(
      `{ cross: { mode: [${values}], node.batch: [1], clients: [1], size: [1], node.inner.on: [true, false] } }`,
    );
    expect(points).toHaveLength(6);
    expect(new Set(points.map((point) => point.key)).size).toBe(6);
    for (const point of points) expect(point.key.length).toBeLessThanOrEqual(120);
  });

  it("has the counts of the published sweeps", () => {
    expect(expandSweep(loadFixture("frankenpaxos/multipaxos"), "lt")).toHaveLength(24);
    expect(expandSweep(loadFixture("halfmoon/hotel"), "hotel")).toHaveLength(16);
    expect(expandSweep(loadFixture("mage/wan-paired"), "password")).toHaveLength(15);
    expect(expandSweep(loadFixture("mage/wan-paired"), "ot-concurrency")).toHaveLength(8);
  });
});
