import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { barChart } from "../../analysis/charts/index.ts";
import { defineFigure } from "../../analysis/figure.ts";
import { figureFolder } from "../../analysis/figure-folder.ts";
import { parseCsv, readText } from "../../analysis/parse/index.ts";
import { artifactsNamed, numberParameter } from "../../analysis/trials.ts";
import { drawFigure, FigureProvenance, writeFigure } from "../../analysis/write-figure.ts";
import type { FigureFiles } from "../../analysis/write-figure.ts";
import { artifactFixture, trialFixture } from "./trial-fixture.ts";

const Row = z.object({ clients: z.number(), ops: z.number() });
const figure = defineFigure({
  name: "ops-by-clients",
  caption: "Operations of all clients.",
  estimator: "Sum over clients.",
  row: Row,
  rows: async (trials) =>
    Promise.all(
      trials.map(async (trial) => {
        const text = await readText(artifactsNamed(trial, "ops.csv")[0]!.open());
        const { rows } = parseCsv(text, z.object({ ops: z.coerce.number() }));
        return { clients: numberParameter(trial, "clients"), ops: rows.reduce((sum, { ops }) => sum + ops, 0) };
      }),
    ),
  spec: (rows) => barChart(rows, { x: { field: "clients", title: "clients" }, y: { field: "ops", title: "ops/s" } }),
});
const trials = [1, 2].map((clients) =>
  trialFixture(
    { pointKey: `clients=${clients}`, parameters: { clients }, trialKey: `k${clients}` },
    { "client-0/ops.csv": `ops\n${clients * 10}\n3\n`, "client-0/stderr": "" },
  ),
);

class FakeFiles implements FigureFiles {
  readonly contents = new Map<string, Uint8Array>();
  readonly written: string[] = [];
  readonly read = async (path: string): Promise<Uint8Array | undefined> => this.contents.get(path);
  readonly write = async (path: string, bytes: Uint8Array): Promise<void> => {
    this.contents.set(path, bytes);
    this.written.push(path);
  };
  provenance(): FigureProvenance {
    return FigureProvenance.parse(
      JSON.parse(Buffer.from(this.contents.get("ops-by-clients.provenance.json")!).toString()),
    );
  }
}
const request = (files: FigureFiles, more: object = {}) => ({
  trials,
  codeVersion: "1.0.0",
  figureSourceSha256: "f".repeat(64),
  files,
  ...more,
});

describe("drawFigure", () => {
  it("writes every format, the rows drawn, and last what they were made from", async () => {
    const files = new FakeFiles();
    const drawn = await drawFigure(figure, request(files));
    expect(files.written).toEqual(
      ["svg", "png", "pdf", "csv", "provenance.json"].map((end) => `ops-by-clients.${end}`),
    );
    expect(drawn).toMatchObject({ paths: files.written, isFromCache: false, warnings: [], missing: [] });
    expect(Buffer.from(files.contents.get("ops-by-clients.csv")!).toString()).toBe("clients,ops\n1,13\n2,23\n");
    const { origin, rows } = files.provenance();
    expect(rows.count).toBe(2);
    expect(origin.trials.map(({ trialKey }) => trialKey)).toEqual(["k1", "k2"]);
    // Only what was read counts; the other file of each trial wasn't.
    expect(origin.artifacts.map(({ key }) => key.split("/").at(-1))).toEqual(["ops.csv", "ops.csv"]);
  });

  it("reads and draws nothing while nothing changed", async () => {
    const files = new FakeFiles();
    await drawFigure(figure, request(files));
    files.written.length = 0;
    const silent = trials.map((trial) => ({
      ...trial,
      artifacts: trial.artifacts.map((artifact) => ({
        ...artifact,
        open: () => {
          throw new Error("an artifact was opened");
        },
      })),
    }));
    const again = await drawFigure(figure, request(files, { trials: silent }));
    expect([again.isFromCache, files.written]).toEqual([true, []]);
  });

  it("draws again when a file was touched, with the same bytes", async () => {
    const files = new FakeFiles();
    await drawFigure(figure, request(files));
    const pdf = files.contents.get("ops-by-clients.pdf")!;
    files.contents.set("ops-by-clients.pdf", Buffer.from("%PDF-damaged"));
    expect((await drawFigure(figure, request(files))).isFromCache).toBe(false);
    expect(Buffer.compare(files.contents.get("ops-by-clients.pdf")!, pdf)).toBe(0);
  });

  it("collects rows again for other code, but keeps the files where the rows came out the same", async () => {
    const files = new FakeFiles();
    await drawFigure(figure, request(files));
    files.written.length = 0;
    const again = await drawFigure(figure, request(files, { codeVersion: "1.0.1" }));
    expect(again.isFromCache).toBe(true);
    expect(files.written).toEqual(["ops-by-clients.provenance.json"]);
    expect(files.provenance().origin.codeVersion).toBe("1.0.1");
  });

  it("draws another figure when one measured row changes", async () => {
    const files = new FakeFiles();
    await drawFigure(figure, request(files));
    const before = files.contents.get("ops-by-clients.svg")!;
    const changed = { ...trials[1]!, artifacts: [artifactFixture("client-0/ops.csv", "ops\n20\n4\n")] };
    const again = await drawFigure(figure, request(files, { trials: [trials[0]!, changed] }));
    expect(again.isFromCache).toBe(false);
    expect(Buffer.compare(files.contents.get("ops-by-clients.svg")!, before)).not.toBe(0);
  });

  it("says which planned trials are missing, in the result and in the provenance", async () => {
    const files = new FakeFiles();
    const planned = [0, 1].map((trialIndex) => ({ ...trials[0]!, trialIndex }));
    const drawn = await drawFigure(figure, request(files, { planned }));
    expect([drawn.missing, files.provenance().origin.missing]).toEqual([["clients=1 trial 1"], ["clients=1 trial 1"]]);
  });

  it("refuses to draw from no trials", async () => {
    await expect(drawFigure(figure, request(new FakeFiles(), { trials: [] }))).rejects.toThrow("has no rows");
  });
});

describe("writeFigure", () => {
  const origin = { trials: [], artifacts: [], missing: [], codeVersion: "1" };
  it("writes into a folder whole files only, and a screen's SVG when asked", async () => {
    const folder = await mkdtemp(join(tmpdir(), "figures-"));
    try {
      const files = figureFolder(join(folder, "deep"));
      const options = { formats: ["svg"], forScreen: true } as const;
      await writeFigure(figure, [{ clients: 1, ops: 2 }], { origin, files, options });
      expect((await readdir(join(folder, "deep"))).sort()).toEqual([
        "ops-by-clients.csv",
        "ops-by-clients.marks.json",
        "ops-by-clients.provenance.json",
        "ops-by-clients.screen-dark.svg",
        "ops-by-clients.screen.svg",
        "ops-by-clients.svg",
      ]);
      expect(await files.read("nothing.svg")).toBeUndefined();
      await expect(files.write("ops-by-clients.csv/below", Buffer.from("x"))).rejects.toThrow();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("writes what is drawn beside the rows into a file of its own", async () => {
    const files = new FakeFiles();
    const options = { formats: ["svg"] } as const;
    const limit = { at: 3, axis: "y", label: "limit" } as const;
    const limited = defineFigure({
      ...figure,
      spec: (rows) =>
        barChart(rows, {
          x: { field: "clients", title: "clients" },
          y: { field: "ops", title: "ops/s" },
          rules: [limit],
        }),
    });
    const drawn = await writeFigure(limited, [{ clients: 1, ops: 2 }], { origin, files, options });
    const text = (end: string): string => Buffer.from(files.contents.get(`ops-by-clients.${end}`)!).toString();
    expect(text("csv")).toBe("clients,ops\n1,2\n");
    expect(text("annotations.csv")).toBe("mark,at,label\nrule+text,3,limit\n");
    expect(drawn.paths).toContain("ops-by-clients.annotations.csv");
    const plain = await writeFigure(figure, [{ clients: 1, ops: 2 }], { origin, files, options });
    expect(plain.paths).not.toContain("ops-by-clients.annotations.csv");
  });

  it("takes a provenance file that it can't read for none", async () => {
    const files = new FakeFiles();
    files.contents.set("ops-by-clients.provenance.json", Buffer.from("{"));
    const drawn = await writeFigure(figure, [{ clients: 1, ops: 2 }], { origin, files, options: { formats: ["svg"] } });
    expect(drawn.isFromCache).toBe(false);
  });
});
