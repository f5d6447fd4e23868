import type { GalleryFigure, GalleryPage, GalleryTrial } from "../../../analysis/gallery/index.ts";
import { renderFigure } from "../../../analysis/render/index.ts";
import { examples } from "../charts/examples.ts";

const captions: Readonly<Record<string, readonly [string, string, string]>> = {
  "latency-throughput": [
    "Latency over throughput",
    "Median latency against throughput as clients are added, f = 1. Whiskers span the smallest to the largest of three trials.",
    "Throughput: median of 1 s rolling windows, first 5 s cut. Latency: median over trials of nearest-rank p50.",
  ],
  cdf: [
    "Latency distribution",
    "Share of requests answered within a time, all trials.",
    "Exact order statistics, thinned.",
  ],
  "time-series": [
    "Throughput through failures",
    "Operations in each tenth of a second; the band spans quartiles of five trials.",
    "Rolling windows of 1 s, every 0.1 s.",
  ],
  heatmap: ["Payload and pipeline", "Thousands of operations a second.", "Median over trials."],
};

/** A page with everything on it. */
export async function pageFixture(overrides: Partial<GalleryPage> = {}): Promise<GalleryPage> {
  const figures: GalleryFigure[] = [];
  for (const [name, [title, caption, estimator]] of Object.entries(captions)) {
    const spec = examples[name]!;
    const draw = async (theme: "screen" | "screen-dark"): Promise<string> =>
      (await renderFigure(spec, { theme, formats: ["svg"], embedsFonts: false, title })).svg ?? "";
    figures.push({
      name,
      title,
      caption,
      estimator,
      svg: await draw("screen"),
      svgDark: await draw("screen-dark"),
      downloads: ["svg", "png", "pdf", "csv"].map((end) => ({
        label: end.toUpperCase(),
        href: `figures/${name}.${end}`,
      })),
      ...(name === "cdf" && { missing: ["clients=64 trial 1", "clients=64 trial 2"] }),
    });
  }
  return {
    title: "An append-only log under closed-loop load",
    experiment: "quickstart",
    runId: "quickstart-260101-0900-abcd",
    question: "How do latency and throughput of a log with group commit change as clients are added?",
    state: "incomplete",
    facts: [
      { label: "deployment", value: "local, 1 server, 2 clients" },
      { label: "trials", value: "16 of 18 valid" },
      { label: "took", value: "1 min 12 s" },
      { label: "spent", value: "$0.00 of $0.00 quoted" },
      { label: "machine", value: "AMD EPYC 9554, 2 vCPU, Linux 6.1.0" },
      { label: "source", value: "5c6933f, no local changes" },
    ],
    figures,
    claims: [
      {
        statement: "Group commit gives at least twice the throughput at 64 clients",
        paper: "2.0× (section 5.1)",
        measured: "3.41× [3.12, 3.70]",
        verdict: "holds",
      },
      {
        statement: "p99 latency stays below 20 ms",
        paper: "17 ms (figure 3)",
        measured: "24.9 ms [22.0, 31.4]",
        verdict: "fails",
      },
      {
        statement: "Two clients are no slower than one",
        paper: "1.0×",
        measured: "1.02× [0.91, 1.15]",
        verdict: "cannot tell",
        wouldTake: "about 9 trials more would tell a difference of 5 %",
      },
    ],
    trials: {
      columns: [
        { key: "clients", label: "clients", isNumber: true },
        { key: "throughputPerSec", label: "throughput (1/s)", isNumber: true },
        { key: "p50Ms", label: "p50 (ms)", isNumber: true },
        { key: "p99Ms", label: "p99 (ms)", isNumber: true },
        { key: "host", label: "host" },
      ],
      rows: [2, 4, 8, 16, 32, 64].flatMap((clients) =>
        [0, 1, 2].map((trialIndex) => {
          const isLost = clients === 64 && trialIndex > 0;
          return {
            id: `clients-${clients}-${trialIndex}`,
            outcome: isLost ? ("failed" as const) : ("valid" as const),
            cells: isLost
              ? { clients, host: "client-0" }
              : {
                  clients,
                  throughputPerSec: 1834.2 * clients ** 0.6 + trialIndex,
                  p50Ms: 0.4123 * clients ** 0.5,
                  p99Ms: 1.2345 * clients ** 0.7,
                  host: "client-0",
                },
            ...(isLost && { note: "timeout: load ran longer than 60 s" }),
            href: `trials/clients-${clients}-${trialIndex}/`,
          };
        }),
      ),
    },
    files: [
      { label: "manifest.json", href: "manifest.json", bytes: 18_234 },
      { label: "results.csv", href: "results.csv", bytes: 2_210 },
      { label: "logs", href: "logs/", bytes: 18_342_912 },
    ],
    receipt: {
      isClosed: true,
      lines: [
        { label: "hosts created and gone", value: "3 of 3" },
        { label: "last sweep", value: "2026-01-01T09:04:11Z, empty" },
        { label: "bill", value: "$0.00" },
      ],
    },
    generatedAt: "2026-01-01T09:05:00Z",
    ...overrides,
  };
}

/** As many trials as the published results of a whole suite have, for the columns of the page above. */
export const manyTrials = (count: number): GalleryTrial[] =>
  Array.from({ length: count }, (_, i) => {
    const [clients, trialIndex] = [2 ** (1 + (Math.floor(i / 3) % 6)), i % 3];
    const point = `compartmentalized.proxyLeaders=${1 + (i % 7)}_clients=${clients}_n=${Math.floor(i / 3)}`;
    return {
      id: `${point}.t${trialIndex}`,
      label: `${point} trial ${trialIndex}`,
      href: `trials/${encodeURIComponent(`${point}.t${trialIndex}`)}.html`,
      outcome: i % 97 === 96 ? "failed" : "valid",
      cells:
        i % 97 === 96
          ? { clients, host: "client-<0>" }
          : {
              clients,
              throughputPerSec: 1000 + ((i * 7919) % 5000) + 0.125,
              p50Ms: (i % 11) / 7,
              p99Ms: i,
              host: "client-0",
            },
      ...(i % 97 === 96 && { note: `timeout: ${i} & more` }),
    };
  });
