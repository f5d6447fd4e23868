/** What a definition with `monitoring:` gets beside its own: names that it may not use for anything else. */
export const monitoringNames = {
  role: "monitoring",
  prometheus: "prometheus",
  nodeExporter: "node-exporter",
  installPrometheus: "monitoring-prometheus",
  installNodeExporter: "monitoring-nodes",
  check: "metrics-kept",
} as const;

/** The folder of Prometheus' one process; its landed files stand in it. */
export const prometheusUnit = `${monitoringNames.prometheus}-0`;

/** A trial's metrics as they land: Prometheus' data folder after it has ended. */
export const landedArchive = "tsdb.tar.gz";
/** Lands in its place when it is larger than `maxSize`; says how large. */
export const landedNote = "tsdb.too-large";

/** Labels that every sample has beside Prometheus' own `job` and `instance`. */
export const sampleLabels = ["run", "point", "trial", "attempt", "host", "role", "unit"] as const;
