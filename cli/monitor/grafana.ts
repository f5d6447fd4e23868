import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Clock } from "../../core/effects/clock.ts";
import type { DashboardInput } from "../../core/monitoring/dashboards.ts";
import { buildDashboards, tableName } from "../../core/monitoring/dashboards.ts";
import { grafanaEnvironment, provisioningFiles } from "../../core/monitoring/grafana.ts";
import type { Child } from "./child.ts";
import { startChild } from "./child.ts";
import type { GrafanaProgram } from "./programs.ts";

/** Grafana's first start makes its database. */
const readyTimeoutMs = 180_000;

export interface Provisioned {
  /** What `GF_PATHS_PROVISIONING` takes. */
  readonly provisioning: string;
  /** The dashboard that opens first. */
  readonly home: string;
  readonly dashboards: readonly string[];
}

/** Writes what a Grafana needs to show a run: `provisioning/` and `dashboards/` below a folder. */
export async function writeProvisioning(
  folder: string,
  input: DashboardInput & { readonly prometheusUrl: string; readonly interval: string | undefined },
): Promise<Provisioned> {
  const root = resolve(folder);
  const dashboardFolder = join(root, "dashboards");
  const provisioning = join(root, "provisioning");
  const dashboards = buildDashboards(input);
  const { prometheusUrl, interval, runId } = input;
  const files = [
    ...Object.entries(dashboards).map(
      ([name, content]) =>
        [join(dashboardFolder, `${name}.json`), `${JSON.stringify(content, undefined, 2)}\n`] as const,
    ),
    ...Object.entries(provisioningFiles({ prometheusUrl, interval, runId, dashboardFolder })).map(
      ([path, content]) => [join(provisioning, path), content] as const,
    ),
  ];
  for (const [path, content] of files) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  return { provisioning, home: join(dashboardFolder, `${tableName}.json`), dashboards: Object.keys(dashboards) };
}

/** Starts a Grafana of its own for what was provisioned. */
export async function startGrafana(
  program: GrafanaProgram,
  provisioned: Provisioned,
  place: { readonly port: number; readonly work: string; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Child & { readonly url: string }> {
  const { port, work, clock, signal } = place;
  const data = join(work, "grafana-data");
  await mkdir(data, { recursive: true });
  const url = `http://127.0.0.1:${port}`;
  const [command, ...args] = program.argv;
  const child = await startChild({
    name: "Grafana",
    argv: [command, ...args, "--homepath", program.homePath],
    env: grafanaEnvironment({ port, provisioning: provisioned.provisioning, home: provisioned.home, data }),
    cwd: work,
    log: join(work, "grafana.log"),
    readyUrl: `${url}/api/health`,
    readyTimeoutMs,
    clock,
    signal,
  });
  return { ...child, url };
}
