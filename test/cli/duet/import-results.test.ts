import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandContext } from "../../../cli/context.ts";
import { importDuet } from "../../../cli/commands/import-duet.ts";
import type { Output } from "../../../cli/output.ts";
import { describeShared, readShared } from "../../analysis/statistics/shared-data.ts";

/** Keeps what a command says. */
class KeptOutput implements Output {
  readonly json = false;
  readonly isTerminal = false;
  readonly columns = 100;
  readonly lines: string[] = [];
  readonly notes: string[] = [];
  line(text = ""): void {
    this.lines.push(text);
  }
  note(text: string): void {
    this.notes.push(text);
  }
  result(): void {
    return;
  }
  document(): void {
    return;
  }
}

const renaissance = (startMs: number, durationsMs: readonly number[]): string => {
  let uptimeNs = 0;
  const results = durationsMs.map((durationMs) => {
    const row = { duration_ns: Math.round(durationMs * 1e6), uptime_ns: uptimeNs };
    uptimeNs += Math.round(durationMs * 1e6) + 1_000;
    return row;
  });
  return JSON.stringify({
    format_version: 5,
    benchmarks: ["kmeans"],
    data: { kmeans: { results, termination: "normal" } },
    environment: { vm: { start_unix_ms: startMs } },
  });
};

const contextOf = (output: KeptOutput, home: string): CommandContext => ({
  output,
  home,
  engine: "embedded",
  stack: { stack: "none", region: "none" },
});

describe("importDuet of results", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "reprise-import-duet-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const run = async (path: string, options: { strict?: true } = {}) => {
    const output = new KeptOutput();
    const code = await importDuet(contextOf(output, folder), path, { output: join(folder, "out"), ...options });
    return { output, code, text: (name: string) => readFileSync(join(folder, "out", name), "utf8") };
  };
  /** Runs of A around 100 ms, and of B so much slower. */
  const writeRuns = (results: string, slower: number): void => {
    mkdirSync(join(results, "artifacts"), { recursive: true });
    writeFileSync(join(results, "artifacts", "hostname"), "box\n");
    for (let id = 0; id < 6; id++) {
      const times = Array.from({ length: 12 }, (_, i) => 100 + ((i * 7 + id * 3) % 5));
      for (const [pair, factor] of [
        ["A", 1],
        ["B", slower],
      ] as const) {
        writeFileSync(
          join(results, `renaissance.kmeans.${id}.duet.AB.${pair}.r.json`),
          renaissance(
            1_700_000_000_000 + id * 1e5,
            times.map((time) => time * factor),
          ),
        );
      }
    }
  };

  it("gives tables, a verdict and figures", async () => {
    writeRuns(join(folder, "results"), 1.1);
    const { output, code, text } = await run(join(folder, "results"));
    expect(code).toBe(0);
    expect(text("iterations.csv").split("\n")).toHaveLength(6 * 2 * 12 + 2);
    expect(JSON.parse(text("overlaps.json"))).not.toHaveLength(0);
    expect(text("comparisons.csv")).toMatch(/renaissance,kmeans,.*,duet,different,0\.1/);
    expect(output.lines.join("\n")).toMatch(/B is 10\.03 % slower than A/);
    for (const name of ["forest.svg", "interval-by-trials.png", "ridgelines.csv", "iterations.parquet"]) {
      expect(existsSync(join(folder, "out", name))).toBe(true);
    }
  });

  it("reads a folder of result folders, and its own table back", async () => {
    writeRuns(join(folder, "all", "first"), 1);
    cpSync(join(folder, "all", "first"), join(folder, "all", "second"), { recursive: true });
    const { text } = await run(join(folder, "all"));
    expect(text("comparisons.csv")).toMatch(/,12,0,/); // 12 runs, none excluded: equal ids of two folders are two runs
    const table = join(folder, "table.csv");
    writeFileSync(table, text("iterations.csv"));
    const again = await run(table);
    expect(again.text("comparisons.csv")).toBe(text("comparisons.csv"));
  });

  it("tells what it couldn't read, and fails on it when asked to", async () => {
    writeRuns(join(folder, "results"), 1);
    writeFileSync(join(folder, "results", "renaissance.kmeans.9.duet.AB.A.r.json"), "{");
    writeFileSync(join(folder, "results", "notes.txt"), "hello");
    const { output, code } = await run(join(folder, "results"), { strict: true });
    expect(code).toBe(1);
    expect(output.notes.join("\n")).toMatch(/notes\.txt: not a result's name/);
    expect(output.notes.join("\n")).toMatch(/renaissance\.kmeans\.9/);
  });

  it("refuses a folder without results, and a path that isn't there", async () => {
    mkdirSync(join(folder, "empty"));
    await expect(run(join(folder, "empty"))).rejects.toThrow(/holds no iterations/);
    await expect(run(join(folder, "nowhere"))).rejects.toThrow(/there is no/);
  });

  it("writes an experiment from a config once", async () => {
    const config = join(folder, "a.yml");
    writeFileSync(config, "duetbench: { suite: debug, image: i, results: [/r], duets: [x] }\nx: { A: { run: y } }\n");
    const { text } = await run(config);
    expect(text("experiment.yaml")).toContain("Made by `reprise import duet` from a.yml");
    expect(text("figures.ts")).toContain("comparisonFigures");
    await expect(run(config)).rejects.toThrow(/has an experiment already/);
  });
});

describeShared("published Renaissance files", () => {
  it("are read by the names of the original, and one run can't tell", async () => {
    const folder = mkdtempSync(join(tmpdir(), "reprise-import-duet-"));
    try {
      mkdirSync(join(folder, "results"));
      for (const pair of ["A", "B"]) {
        writeFileSync(
          join(folder, "results", `renaissance.chi-square.0.duet.AB.${pair}.results.json`),
          readShared(`published/duet/renaissance-raw/chi-square.0.${pair}.results.json`),
        );
      }
      const output = new KeptOutput();
      await importDuet(contextOf(output, folder), join(folder, "results"), { output: join(folder, "out") });
      expect(output.lines.join("\n")).toMatch(/chi-square, duet +cannot tell/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
