import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { dashboardProvidersSchema, dashboardSchema, dataSourcesSchema } from "../core/monitoring/dashboard-schema.ts";
import type { Finished } from "./installation.ts";
import { Installation, fixture, runIdIn } from "./installation.ts";

const seriesSchema = z.object({
  status: z.literal("success"),
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), values: z.array(z.tuple([z.number(), z.string()])) }),
    ),
  }),
});
type Series = z.infer<typeof seriesSchema>["data"]["result"][number];

const servedSchema = z.object({
  prometheusUrl: z.url(),
  grafanaUrl: z.url().optional(),
  provisioning: z.string(),
  dashboards: z.array(z.string()),
  trials: z.number(),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
});

const toldSchema = z.object({ args: z.array(z.string()), env: z.record(z.string(), z.string()) });

/** Stands in for Grafana: says that it is well where it was told to listen, and writes down what it was told. */
const grafanaProgram = (says: string): string => `#!${process.execPath}
const { createServer } = require("node:http");
require("node:fs").writeFileSync(${JSON.stringify(says)}, JSON.stringify({ args: process.argv.slice(2), env: process.env }));
createServer((request, response) => response.writeHead(request.url === "/api/health" ? 200 : 404).end("{}"))
  .listen(Number(process.env.GF_SERVER_HTTP_PORT), process.env.GF_SERVER_HTTP_ADDR);
`;

/** Runs the `monitored` fixture with Debian's Prometheus and node exporter, and serves its metrics again. */
describe("a run that is monitored", () => {
  const installation = new Installation();
  const { root } = installation;
  let runId = "";
  const runFolder = (): string => join(installation.home, "store/objects/runs", runId);

  beforeAll(async () => {
    const done = await installation.run(["run", fixture("monitored")]);
    runId = runIdIn(done.stderr);
    expect({ code: done.code, stderr: done.stderr }).toMatchObject({ code: 0 });
  });
  afterAll(() => installation.remove());

  /** Has a run's metrics served while `look` looks at them, then interrupts. */
  async function served(
    args: readonly string[],
    look: (url: string) => Promise<void>,
  ): Promise<Finished & { readonly told: z.infer<typeof servedSchema> }> {
    const folder = join(root, "shown");
    const running = installation.start(["--json", "monitor", runId, ...args, "--output", folder]);
    await running.saw(/^Ctrl-C ends it$/m);
    const source = dataSourcesSchema.parse(
      parse(readFileSync(join(folder, "provisioning/datasources/reprise.yaml"), "utf8")),
    );
    try {
      await look(source.datasources[0]?.url ?? "");
    } finally {
      running.kill("SIGINT");
    }
    const done = await running.done;
    return { ...done, told: servedSchema.parse(JSON.parse(done.stdout)) };
  }

  async function query(url: string, promQl: string, stepSec = 0.2): Promise<Series[]> {
    const { startedAt, endedAt } = window();
    const form = new URLSearchParams({ query: promQl, start: startedAt, end: endedAt, step: String(stepSec) });
    const answer = await fetch(`${url}/api/v1/query_range`, { method: "POST", body: form });
    return seriesSchema.parse(await answer.json()).data.result;
  }

  const manifestOf = (point: string) =>
    z
      .object({ startedAt: z.string(), endedAt: z.string(), artifacts: z.array(z.object({ key: z.string() })) })
      .parse(JSON.parse(readFileSync(join(runFolder(), point, "trial-0/attempt-1/manifest.json"), "utf8")));

  const window = () => ({
    startedAt: manifestOf("main.step=3").startedAt,
    endedAt: manifestOf("main.step=5").endedAt,
  });

  it("keeps each monitored trial's metrics with its evidence, and nothing where the switch is off", () => {
    const kept = (point: string): string[] =>
      manifestOf(point)
        .artifacts.map(({ key }) => key.replace(`${point}/trial-0/attempt-1/`, ""))
        .filter((key) => key.includes("/prometheus-0/"))
        .sort();
    expect(kept("main.step=3")).toEqual(["client-0/prometheus-0/prometheus.yml", "client-0/prometheus-0/tsdb.tar.gz"]);
    expect(kept("main.step=5")).toHaveLength(2);
    expect(kept("main.watch=false")).toEqual([]);
  });

  it("serves all trials' samples with their labels, those of hosts too, and leaves nothing", async () => {
    const ended = await served([], async (url) => {
      const steps = await query(url, "steps_total");
      expect(steps.map(({ metric }) => metric)).toEqual(
        [3, 5].map((step): unknown =>
          expect.objectContaining({
            run: runId,
            point: `main.step=${step}`,
            trial: "0",
            attempt: "1",
            job: "counter",
            host: "server-0",
            role: "server",
            unit: "counter-0",
            system: `step-${step}`,
          }),
        ),
      );
      for (const { values, metric } of steps) {
        const counts = values.map(([, count]) => Number(count));
        expect(counts).toEqual([...counts].sort((a, b) => a - b));
        expect(counts.every((count) => count % Number(metric["system"]?.slice(5)) === 0)).toBe(true);
        // The job alone took 2.5 s, at five samples a second; a busy machine misses some.
        expect(counts.length).toBeGreaterThan(5);
      }
      const hosts = await query(url, 'count by (host) (node_cpu_seconds_total{mode="idle"})', 1);
      expect(hosts.map(({ metric }) => metric["host"]).sort()).toEqual(["client-0", "server-0"]);
    });
    expect(ended.code).toBe(0);
    expect(ended.told.trials).toBe(2);
    expect(ended.told.grafanaUrl).toBeUndefined();
    expect(ended.stderr).toMatch(/no Grafana is installed here/);
    expect(ended.stderr).toMatch(/dashboard counter, "Broken": Prometheus refuses .*parse error/);
    expect(ended.stderr).not.toMatch(/"Steps"/);
    expect(await installation.settled()).toEqual([]);
  });

  it("serves only the trials that are asked for", async () => {
    const ended = await served(["step=5", "--no-grafana"], async (url) => {
      const points = (await query(url, "steps_total")).map(({ metric }) => metric["point"]);
      expect(points).toEqual(["main.step=5"]);
    });
    expect(ended.told.trials).toBe(1);
    expect(ended.stderr).not.toMatch(/Grafana/);
  });

  it("writes what Grafana takes and starts one for it, with everything in folders that go", async () => {
    const home = join(root, "grafana-home");
    const says = join(root, "grafana-says.json");
    mkdirSync(join(home, "bin"), { recursive: true });
    mkdirSync(join(home, "conf"));
    writeFileSync(join(home, "conf/defaults.ini"), "");
    writeFileSync(join(home, "bin/grafana"), grafanaProgram(says), { mode: 0o755 });
    const ended = await served(["--grafana", home], async () => {
      const { args, env } = toldSchema.parse(JSON.parse(readFileSync(says, "utf8")));
      expect(args).toEqual(["server", "--homepath", home]);
      const port = env["GF_SERVER_HTTP_PORT"] ?? "";
      expect((await fetch(`http://127.0.0.1:${port}/api/health`)).status).toBe(200);
      const provisioning = env["GF_PATHS_PROVISIONING"] ?? "";
      const { providers } = dashboardProvidersSchema.parse(
        parse(readFileSync(join(provisioning, "dashboards/reprise.yaml"), "utf8")),
      );
      const folder = providers[0]?.options.path ?? "";
      const read = (file: string) => dashboardSchema.parse(JSON.parse(readFileSync(file, "utf8")));
      expect(readdirSync(folder).map((file) => read(join(folder, file)).title)).toHaveLength(5);
      expect(read(env["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] ?? "").title).toBe("monitored: trials");
    });
    expect(ended.code).toBe(0);
    const { env } = toldSchema.parse(JSON.parse(readFileSync(says, "utf8")));
    expect(ended.told.grafanaUrl).toBe(`http://127.0.0.1:${env["GF_SERVER_HTTP_PORT"] ?? ""}`);
    expect(await installation.settled()).toEqual([]);
  });

  it("says what is missing", async () => {
    const without = await installation.run(["monitor", runId, "--prometheus", join(root, "nowhere")]);
    expect(without.code).not.toBe(0);
    expect(without.stderr).toMatch(/nowhere is no program[\s\S]*try: `apt-get install prometheus`/);
    const unwatched = await installation.run(["monitor", runId, "watch=false"]);
    expect(unwatched.stderr).toMatch(/has no metrics: none of 1 attempts was monitored/);
    const nothing = await installation.run(["monitor", runId, "nonsense"]);
    expect(nothing.stderr).toMatch(/no attempt of \S+ matches "nonsense"/);
    expect(await installation.settled()).toEqual([]);
  });

  it("refuses metrics that aren't as they were", async () => {
    const archive = join(runFolder(), "main.step=3/trial-0/attempt-1/client-0/prometheus-0/tsdb.tar.gz");
    const bytes = readFileSync(archive);
    writeFileSync(archive, Buffer.from(bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte))));
    // What was unpacked before was checked then, and would be taken.
    const cache = join(installation.home, "cache/metrics");
    expect(readdirSync(cache)).toHaveLength(2);
    rmSync(cache, { recursive: true });
    const ended = await installation.run(["monitor", runId, "step=3", "--no-grafana"]);
    writeFileSync(archive, bytes);
    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toMatch(/aren't what its manifest says/);
    expect(await installation.settled()).toEqual([]);
  });
});
