import { stringify } from "yaml";
import { dataSourceId } from "./dashboards.ts";

export interface GrafanaSetting {
  readonly prometheusUrl: string;
  /** Where the dashboards' files are, absolute. */
  readonly dashboardFolder: string;
  /** How often targets were scraped, as Prometheus writes it; undefined: it differed. */
  readonly interval: string | undefined;
  readonly runId: string;
}

/**
 * Grafana's provisioning files, by their path below its provisioning folder.
 *
 * @see Grafana's documentation, "Provision Grafana": data sources and dashboards, `apiVersion: 1`
 */
export function provisioningFiles(setting: GrafanaSetting): Readonly<Record<string, string>> {
  const { prometheusUrl, dashboardFolder, interval, runId } = setting;
  return {
    "datasources/reprise.yaml": stringify({
      apiVersion: 1,
      datasources: [
        {
          name: "reprise",
          uid: dataSourceId,
          type: "prometheus",
          access: "proxy",
          orgId: 1,
          url: prometheusUrl,
          isDefault: true,
          editable: false,
          jsonData: { httpMethod: "POST", ...(interval === undefined ? {} : { timeInterval: interval }) },
        },
      ],
    }),
    "dashboards/reprise.yaml": stringify({
      apiVersion: 1,
      providers: [
        {
          name: "reprise",
          orgId: 1,
          folder: runId,
          type: "file",
          disableDeletion: true,
          allowUiUpdates: true,
          options: { path: literal(dashboardFolder) },
        },
      ],
    }),
  };
}

/** Grafana puts environment variables into these files: `$$` is a dollar. */
const literal = (text: string): string => text.replaceAll("$", "$$$$");

/** Settings of a Grafana of its own for one run: heard by this machine alone, nobody logs in, nothing is sent home. */
export function grafanaEnvironment(place: {
  readonly port: number;
  readonly provisioning: string;
  /** The file of the dashboard that opens first. */
  readonly home: string;
  /** Where it may keep its database, logs and plugins; goes with it. */
  readonly data: string;
}): Readonly<Record<string, string>> {
  return {
    GF_SERVER_HTTP_ADDR: "127.0.0.1",
    GF_SERVER_HTTP_PORT: String(place.port),
    GF_PATHS_PROVISIONING: place.provisioning,
    GF_PATHS_DATA: place.data,
    GF_PATHS_LOGS: `${place.data}/logs`,
    GF_PATHS_PLUGINS: `${place.data}/plugins`,
    GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: place.home,
    GF_DASHBOARDS_MIN_REFRESH_INTERVAL: "1s",
    GF_AUTH_ANONYMOUS_ENABLED: "true",
    GF_AUTH_ANONYMOUS_ORG_ROLE: "Editor",
    GF_AUTH_DISABLE_LOGIN_FORM: "true",
    GF_ANALYTICS_REPORTING_ENABLED: "false",
    GF_ANALYTICS_CHECK_FOR_UPDATES: "false",
    GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: "false",
    GF_NEWS_NEWS_FEED_ENABLED: "false",
  };
}
