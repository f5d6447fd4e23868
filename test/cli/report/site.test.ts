import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeImportedRun } from "../../../cli/imported-run.ts";
import { openSite } from "../../../cli/report/site.ts";
import { serveSite } from "../../../cli/report/serve.ts";
import { readDefinition } from "../../../core/definition/read-definition.ts";
import { toBytes } from "../../../core/flow/effects.ts";
import { runKeys } from "../../../core/names/keys.ts";
import { resultRows } from "../../../core/evidence/result-rows.ts";
import { verifyRun } from "../../../core/evidence/verify-run.ts";
import { MemoryStore } from "../../../stores/memory/memory-store.ts";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import { createSimRun, simExperiment } from "../../engines/embedded/sim-run.ts";

const clock = new VirtualClock(Date.UTC(2026, 0, 1, 9));
const text = await readFile("experiments/quickstart/experiment.yaml", "utf8");
const read = readDefinition(text.replace("name: quickstart", "name: demo"), "experiment.yaml", () => undefined);
if (!read.ok) throw new Error("the quickstart's definition reads");

const trial = (clients: number, p50Ms: number, failure?: { class: "integrity"; message: string }) => ({
  sweep: "load",
  parameters: { clients, upstream: { long: "x".repeat(200) } },
  summary: failure ? {} : { p50Ms },
  origin: `results.csv:${clients}`,
  files: [
    { path: "results.csv", body: Buffer.from(`clients,p50\n${clients},${p50Ms}\n`) },
    { path: "client_out.txt", body: Buffer.from("<script>alert(1)</script>\n") },
  ],
  failure,
});

const store = new MemoryStore({ clock });
const run = await writeImportedRun(
  read.definition,
  {
    trials: [trial(1, 2), trial(1, 3), trial(8, 4, { class: "integrity", message: "data.csv:7: not a number" })],
    files: [{ path: "a/results.csv", body: Buffer.from("as it was\n") }],
    problems: ["a/results.csv:3: too short"],
  },
  { store, clock, owner: "somebody", version: "0.1.0", suffix: "abcd" },
);
const folder = await mkdtemp(join(tmpdir(), "site-"));
const open = () =>
  openSite(store, {
    runId: run.runId,
    folder,
    experiment: undefined,
    home: folder,
    note: () => undefined,
    clock,
    refreshSec: 3,
  });
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("writeImportedRun", () => {
  it("makes a sealed run in which every byte is vouched for", async () => {
    expect(run).toMatchObject({ runId: "demo-260101-0900-abcd", points: 2, trials: 3, failed: 1 });
    expect(await verifyRun(store, run.runId)).toMatchObject({ seal: "sealed", problemCount: 0 });
  });

  it("numbers repeats as they come, and keeps what can't be used as failed", async () => {
    const rows = [];
    for await (const row of resultRows(store, run.runId)) rows.push(row);
    expect(rows.map(({ pointKey, trialIndex, outcome }) => [pointKey, trialIndex, outcome])).toEqual([
      ["load.clients=1", 0, "valid"],
      ["load.clients=1", 1, "valid"],
      ["load.clients=8", 0, "failed"],
    ]);
  });

  it("keeps the files that it came from as they were", async () => {
    const stored = await store.get(`runs/${run.runId}/imported/a/results.csv`);
    expect(new TextDecoder().decode(stored?.body)).toBe("as it was\n");
  });
});

describe("openSite", () => {
  it("has every page that its pages link to", async () => {
    const site = await open();
    expect(site.paths).toContain("trials/load.clients=8.t0.html");
    for (const path of site.paths.filter((one) => one.endsWith(".html"))) {
      const html = String(await site.file(path));
      for (const [, href = ""] of html.matchAll(/ href="([^"#][^"]*)"/g)) {
        const target = decodeURIComponent(new URL(href, `http://site/${path}`).pathname.slice(1));
        expect([path, href, (await site.file(target)) !== undefined]).toEqual([path, href, true]);
      }
    }
  });

  it("shows logs as text, failures with their message, and constants of a sweep not as columns", async () => {
    const site = await open();
    const index = String(await site.file("index.html"));
    expect(index).toContain("data.csv:7: not a number");
    expect(index).not.toContain("x".repeat(200));
    const page = String(await site.file("trials/load.clients=1.t0.html"));
    expect(page).toContain("&#60;script&#62;alert(1)&#60;/script&#62;");
    expect(page).toContain("x".repeat(200));
  });

  it("gives the same bytes twice, and nothing for other paths", async () => {
    const [a, b] = [await open(), await open()];
    for (const path of a.paths) expect(await a.file(path)).toEqual(await b.file(path));
    expect(await a.file("../secret")).toBeUndefined();
    expect(await a.file("constructor")).toBeUndefined();
  });
});

describe("openSite of a run that goes on", () => {
  it("says what its hosts have cost until now, and the receipt's bill once it has ended", async () => {
    const free = simExperiment({ points: 20, trials: 1, lanes: 1 });
    const rates = [{ region: "east-1", onDemand: 6, spot: 1 }];
    const deployments = free.plan.deployments.map((one) => ({
      ...one,
      places: { sim: [{ region: "east-1", zone: "east-1a" }] },
      hosts: one.hosts.map((host) => ({ ...host, rates })),
    }));
    const plan = { ...free.plan, deployments, budgetDollars: 50 };
    const live = await createSimRun({
      experiment: { ...free, plan },
      behaviour: { run: () => ({ durationMs: 60_000, exitCode: 0 }) },
    });
    const keys = runKeys(live.runId);
    await live.store.putIfAbsent(keys.definition, Buffer.from(text.replace("name: quickstart", "name: sim")), "test");
    await live.store.putIfAbsent(keys.plan, toBytes(plan), "test");
    const page = async (): Promise<string> => {
      const options = { runId: live.runId, folder, experiment: undefined, home: folder, note: () => undefined };
      const site = await openSite(live.store, { ...options, clock: live.clock });
      return String(await site.file("index.html"));
    };
    const engine = live.engine();
    const ended = live.sweep(engine, 1);
    await live.clock.advanceTo(live.clock.now() + 600_000);
    const spent = Number(/\$([\d.]+) spent of a budget of \$50\.00/.exec(await page())?.[1]);
    expect(spent).toBeGreaterThan(plan.deployments.flatMap(({ hosts }) => hosts).length * 0.9);
    await live.clock.run(ended.then(() => live.settle(engine)));
    const last = await page();
    expect(last).not.toContain(" spent of a budget");
    expect(Number(/\$([\d.]+) of a budget of \$50\.00/.exec(last)?.[1])).toBeGreaterThan(spent);
    await engine.close();
  });
});

describe("serveSite", () => {
  const ask = (url: string, headers: Readonly<Record<string, string>> = {}): Promise<number> =>
    new Promise((resolve, reject) => {
      request(url, { headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
        .once("error", reject)
        .end();
    });

  it("answers this machine alone, and only with the site", async () => {
    const { server, url } = await serveSite({ open, folder, clock, note: () => undefined }, 0);
    try {
      expect(await ask(url)).toBe(200);
      expect(await ask(`${url}trials/load.clients%3D1.t0.html`)).toBe(200);
      expect(await ask(`${url}figures/..%2f..%2fetc/hosts.csv`)).toBe(404);
      expect(await ask(`${url}nothing.html`)).toBe(404);
      expect(await ask(url, { host: "evil.example" })).toBe(403);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
