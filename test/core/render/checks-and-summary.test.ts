import { loadFixture, loadText, definitionText } from "../definition/load.ts";
import { landedFiles, TrialFixture } from "./trial-fixture.ts";

const fixture = (trial: string, more: Readonly<Record<string, string>> = {}) =>
  new TrialFixture(
    loadText(definitionText({ trial: `{ jobs: { load: { on: client, run: x } }, ${trial} }`, ...more })),
  );
const csv = (values: readonly (number | string)[], column = "latencyMs") =>
  `at,${column}\n${values.map((v, i) => `${i},${v}`).join("\n")}\n`;

async function summarize(metric: string, files: Readonly<Record<string, string>>): Promise<number | undefined> {
  const f = fixture(`summary: { m: ${metric} }`);
  return (await f.experiment.summarize(f.point("load.clients=1"), landedFiles(files)))["m"];
}
const latencies = {
  "client-0/load-0/a.csv": csv([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
  "client-1/load-1/a.csv": csv([100]),
};

describe("summarize", () => {
  it.each<readonly [string, number]>([
    ["mean", 155 / 11],
    ["sum", 155],
    ["count", 11],
    ["min", 1],
    ["max", 100],
    ["median", 6],
    ["p50", 6],
    ["p90", 10],
    ["p91", 100],
    ["p99.9", 100],
    ["p0", 1],
    ["first", 1],
    ["last", 100],
    ["rate", 10 / 99],
  ])("takes the %s over all processes' rows", async (stat, expected) => {
    expect(
      await summarize(`{ from: load, file: a.csv, csv: { column: latencyMs }, stat: ${stat} }`, latencies),
    ).toBeCloseTo(expected, 12);
  });

  it("scales, by an expression too", async () => {
    const metric =
      "{ from: load, file: a.csv, csv: { column: latencyMs }, stat: max, scale: '${{ 1000 / params.size }}' }";
    expect(await summarize(metric, latencies)).toBe(10_000);
  });

  it("keeps to the rows that are asked for, and passes over what is no number", async () => {
    const files = {
      "client-0/load-0/a.csv":
        'label,"latency ms",note\nread,1,x\nwrite,2,"a, ""b""\nc"\nwrite,,\nwrite,oops,\n"write",4,\r\n',
    };
    expect(
      await summarize(
        '{ from: load, file: a.csv, csv: { column: "latency ms", where: { label: write } }, stat: sum }',
        files,
      ),
    ).toBe(6);
  });

  it("reads numbers from output by a pattern", async () => {
    const files = {
      "client-0/load-0.out": "Requests/sec: 10.5\nnoise\nRequests/sec: 20\n",
      "client-1/load-1.out": "Requests/sec: 1e2",
    };
    expect(await summarize("{ from: load, file: stdout, regex: 'Requests/sec: (\\S+)', stat: sum }", files)).toBe(
      130.5,
    );
  });

  it("reads numbers from JSON by a path", async () => {
    const files = {
      "client-0/load-0/r.json": '{"data":{"a":{"results":[{"ns":2},{"ns":4}]},"b":{"results":[{"ns":6}]}}}',
    };
    expect(await summarize("{ from: load, file: r.json, json: data.*.results.*.ns, stat: mean }", files)).toBe(4);
    expect(await summarize("{ from: load, file: r.json, json: data.a.results.1.ns, stat: mean }", files)).toBe(4);
  });

  it("leaves a metric out that finds nothing, rather than calling it 0", async () => {
    for (const files of [
      {},
      { "client-0/load-0/a.csv": "" },
      { "client-0/load-0/a.csv": "other\n1\n" },
      { "client-0/load-0/a.csv": "not json" },
    ]) {
      expect(
        await summarize("{ from: load, file: a.csv, csv: { column: latencyMs }, stat: mean }", files),
      ).toBeUndefined();
      expect(await summarize("{ from: load, file: a.csv, json: x, stat: mean }", files)).toBeUndefined();
    }
  });

  it("does not take other processes' files for its own", async () => {
    const files = {
      "client-0/load-0/a.csv": csv([1]),
      "client-0/load-0x/a.csv": csv([9]),
      "client-0/loader-0/a.csv": csv([9]),
      "client-0/load/a.csv": csv([9]),
    };
    expect(await summarize("{ from: load, file: '*.csv', csv: { column: latencyMs }, stat: sum }", files)).toBe(1);
  });

  it("sums up each side of a duet", async () => {
    const duet = new TrialFixture(loadFixture("duet/renaissance"));
    const result = (ns: number) =>
      JSON.stringify({ data: { toy: { results: [{ duration_ns: ns }, { duration_ns: ns + 2 }] } } });
    const files = landedFiles({
      "l0-host-0/benchmark-0.a/results.json": result(10),
      "l0-host-0/benchmark-0.b/results.json": result(20),
    });
    expect(await duet.experiment.summarize(duet.point("duet.workload=reactors"), files)).toEqual({
      "iterationNs.A": 11,
      "iterationNs.B": 21,
    });
  });
});

describe("check", () => {
  const verdicts = async (check: string, files: Readonly<Record<string, string>>) => {
    const f = fixture(`checks: [{ name: c, ${check} }]`);
    return f.experiment.check(f.point("load.clients=1"), landedFiles(files));
  };
  const both = (text: string) => ({ "client-0/load-0/a.csv": text, "client-1/load-1/a.csv": text });

  it.each<readonly [string, string, Readonly<Record<string, string>>, boolean, RegExp]>([
    ["a file that is there", "from: load, file: a.csv, exists: true", both("x"), true, /2 files/],
    [
      "a file that one process lacks",
      "from: load, file: a.csv, exists: true",
      { "client-0/load-0/a.csv": "x" },
      false,
      /no a\.csv of load-1/,
    ],
    ["enough rows", "from: load, file: a.csv, rows: { min: 2, max: 2 }", both(csv([1, 2])), true, /2 rows/],
    [
      "too few rows",
      "from: load, file: a.csv, rows: { min: '${{ params.clients * 3 }}' }",
      both(csv([1, 2])),
      false,
      /2 rows in client-0\/load-0\/a\.csv, at least 3 wanted/,
    ],
    ["too many bytes", "from: load, file: a.csv, bytes: { max: 3 }", both("12345"), false, /5 bytes .* at most 3/],
    ["a line that must be there", "from: load, file: a.csv, mustMatch: '^ok$'", both("no\nok\n"), true, /2 files/],
    [
      "a line that is missing",
      "from: load, file: a.csv, mustMatch: '^ok$'",
      both("no\nokay\n"),
      false,
      /no line of client-0\/load-0\/a\.csv/,
    ],
    [
      "a line that must not be there",
      "from: load, file: a.csv, mustNotMatch: panic|ERROR",
      both("fine\nan ERROR here\n"),
      false,
      /a\.csv:2: an ERROR here/,
    ],
    ["no such line", "from: load, file: a.csv, mustNotMatch: panic", both("fine"), true, /not found/],
    ["a command that exits 0", "on: server, command: 'true'", { "server-0/checks/c.exit": "0\n" }, true, /on server-0/],
    [
      "a command that doesn't",
      "on: server, command: x",
      { "server-0/checks/c.exit": "3\n", "server-0/checks/c.txt": "one\ntwo\n" },
      false,
      /exit code 3 on server-0: two/,
    ],
    ["a command that left nothing", "on: server, command: x", {}, false, /left no exit code/],
  ])("judges %s", async (_, check, files, passed, detail) => {
    const [verdict] = await verdicts(check, files);
    expect(verdict?.passed).toBe(passed);
    expect(verdict?.detail).toMatch(detail);
  });

  it("leaves out checks that don't concern a point", async () => {
    expect(await verdicts("from: load, file: a.csv, exists: true, when: '${{ params.clients > 1 }}'", {})).toEqual([]);
  });

  it("asks nothing of services that a point doesn't have", async () => {
    const f = fixture(
      "services: { s: { on: server, run: x, when: false } }, checks: [{ name: c, from: s, file: x, exists: true }]",
    );
    expect(await f.experiment.check(f.point("load.clients=1"), landedFiles({}))).toMatchObject([{ passed: true }]);
  });
});

describe("classify", () => {
  it("takes a failure for what the definition says it is", () => {
    const f = fixture("env: {}", { failures: "[{ matches: 'no quorum', class: preempted }]" });
    const failure = { class: "command", message: "leader: no quorum after 5 s" } as const;
    expect(f.experiment.classify(failure).class).toBe("preempted");
    expect(f.experiment.classify({ ...failure, message: "other" }).class).toBe("command");
  });
});
