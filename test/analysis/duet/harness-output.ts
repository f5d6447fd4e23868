/** Harness output in the formats' own shapes: the samples of section 3.2 of the duet description, written by hand there. */
export const renaissanceJson = JSON.stringify({
  format_version: 5,
  benchmarks: ["toy"],
  data: {
    toy: {
      results: [
        { duration_ns: 2_000_000_000, uptime_ns: 1_500_000_000 },
        { duration_ns: 1_200_000_000, uptime_ns: 3_600_000_000 },
      ],
      termination: "normal",
    },
  },
  environment: { os: { available_processors: 4 }, vm: { name: "X VM", start_unix_ms: 1_700_000_000_000, args: [] } },
});

export const dacapoCsv = `benchmark,total_ms,iteration_time_ns,start_unix,process_cpu_time_ns,compilation_time_ms,compilation_total_ms
fop,2510,1980000000,1700000000530,3100000000,900,1400
fop,3905,1210500000,1700000002690,1800000000,120,1520
`;

export const specLog = `Benchmark Times:
 Rate Start:   2023-11-14 22:13:20 (1700000000.25000)
 Rate End:     2023-11-14 22:21:05 (1700000465.75000)
`;

export const duetFaasLine = JSON.stringify({
  level: "info",
  message:
    "A - Response Time: 41.203ms, machineId: 7f, processId: 20, isColdStart: false, requestReceivedAt: 2024-07-10T14:00:00.100Z, wallTime: 43.1 | B - Response Time: 43.377ms, machineId: 7f, processId: 21, isColdStart: false, requestReceivedAt: 2024-07-10T14:00:00.102Z",
});
