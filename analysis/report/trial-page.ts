/** One trial on a page of its own: what was varied, what came of it, where and when, and everything that it left. */
import type { Json, JsonObject } from "../../core/effects/json.ts";
import type { AttemptManifest } from "../../core/evidence/attempt-manifest.ts";
import { factList, renderDocument } from "../gallery/document.ts";
import type { GalleryLink } from "../gallery/gallery-page.ts";
import type { Html } from "../gallery/markup.ts";
import { checkHref, markup } from "../gallery/markup.ts";
import { pageScript } from "../gallery/page-script.ts";
import type { Timeline, TimelineBar, TimelineRow, TimelineTone } from "../gallery/timeline.ts";
import { renderTimeline, span } from "../gallery/timeline.ts";
import type { ShownLog } from "./log-text.ts";
import { renderSampleCharts } from "./sample-charts.ts";
import type { HostSamples } from "./samples.ts";
import { chartsOf } from "./samples.ts";

export interface TrialLog extends ShownLog {
  readonly host: string;
  readonly path: string;
  readonly bytes: number;
  /** Still growing, or all that came of a host that was lost. */
  readonly isPartial: boolean;
}

export interface TrialPage {
  readonly runId: string;
  readonly experiment: string;
  readonly pointKey: string;
  readonly trialIndex: number;
  readonly parameters: JsonObject;
  /** Of the valid attempt, or else of the last one; undefined while none has ended. */
  readonly manifest: AttemptManifest | undefined;
  readonly isRunning: boolean;
  /** Attempts that aren't the one shown. */
  readonly otherAttempts: readonly { readonly attempt: number; readonly outcome: string; readonly message: string }[];
  /** By host. */
  readonly samples: Readonly<Record<string, HostSamples>>;
  readonly logs: readonly TrialLog[];
  /** Logs that the page has no room for. */
  readonly leftOutLogs: number;
  readonly links: { readonly up: string; readonly previous?: GalleryLink; readonly next?: GalleryLink };
  readonly fontsHref?: string;
  readonly refreshSec?: number;
}

export function renderTrialPage(page: TrialPage): string {
  const { manifest, links } = page;
  const outcome = page.isRunning ? "running" : (manifest?.outcome.kind ?? "planned");
  const tone = { running: "plain", planned: "plain", valid: "good", invalid: "unsure", failed: "bad" }[outcome];
  const parts: readonly (readonly [title: string, body: Html | undefined])[] = [
    ["Result", manifest && renderResult(manifest)],
    ["Parameters", renderRecord(page.parameters, "parameter")],
    ["Hosts", manifest && manifest.hosts.length > 0 ? renderHosts(manifest) : undefined],
    ["Timeline", manifest && manifest.phases.length > 0 ? renderStates(manifest) : undefined],
    ["Resources", renderResources(page)],
    ["Logs", page.logs.length > 0 ? renderLogs(page) : undefined],
    ["Artifacts", manifest && manifest.artifacts.length > 0 ? renderArtifacts(manifest) : undefined],
    ["Other attempts", page.otherAttempts.length > 0 ? renderAttempts(page.otherAttempts) : undefined],
  ];
  const sections = parts.flatMap(([title, body]) =>
    body === undefined ? [] : [{ title, id: title.toLowerCase().replace(" ", "-"), body }],
  );
  const pager = (link: GalleryLink | undefined, word: string): Html =>
    link === undefined ? markup`<span></span>` : markup`<a href="${checkHref(link.href)}">${word}: ${link.label}</a>`;
  return renderDocument({
    title: `${page.pointKey} trial ${page.trialIndex} · ${page.runId}`,
    script: pageScript,
    ...(page.fontsHref === undefined ? {} : { fontsHref: page.fontsHref }),
    ...(page.refreshSec === undefined ? {} : { refreshSec: page.refreshSec }),
    header: markup`
<p class="over">${page.experiment} · <a class="mono" href="${checkHref(links.up)}">${page.runId}</a> <span class="badge ${tone}">${outcome}</span></p>
<h1>${page.pointKey}, trial ${page.trialIndex}</h1>
${manifest === undefined ? undefined : factList(factsOf(manifest))}
<nav aria-label="Sections">${sections.map(({ id, title }) => markup`<a href="#${id}">${title}</a>`)}</nav>
<nav class="pager" aria-label="Trials">${pager(links.previous, "previous")}${pager(links.next, "next")}</nav>
`,
    main: markup`${sections.map(({ id, title, body }) => markup`<section data-part="${id}" aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${body}</section>\n`)}`,
    footer: markup`Trial key <span class="mono">${manifest?.trialKey ?? "not known yet"}</span>.`,
  });
}

function factsOf(manifest: AttemptManifest): { label: string; value: string }[] {
  const { startedAt, endedAt, startSkewMs, clockErrorMs } = manifest;
  return [
    { label: "attempt", value: String(manifest.attempt) },
    { label: "started", value: startedAt },
    { label: "took", value: span(Date.parse(endedAt) - Date.parse(startedAt)) },
    { label: "deployment", value: `${manifest.deployment.id}, lane ${manifest.lane}` },
    { label: "seed", value: String(manifest.seed) },
    ...(startSkewMs === undefined
      ? []
      : [
          {
            label: "jobs started within",
            value: `${startSkewMs} ms${clockErrorMs === undefined ? "" : ` ± ${clockErrorMs} ms`}`,
          },
        ]),
    ...Object.entries(manifest.sources).map(([name, { commit, diffDigest }]) => ({
      label: `source ${name}`,
      value: `${commit?.slice(0, 12) ?? "no commit"}${diffDigest === undefined ? "" : " with local changes"}`,
    })),
  ];
}

function renderResult({ outcome, summary, checks, missing }: AttemptManifest): Html {
  const failures = outcome.kind === "failed" ? [outcome.failure] : outcome.kind === "invalid" ? outcome.failures : [];
  return markup`${failures.map(
    (failure) =>
      markup`<p class="failure"><strong>${failure.class}</strong>: ${failure.message}${failure.host === undefined ? "" : ` (${failure.host})`}${failure.hint === undefined ? undefined : markup`<br><span class="over">${failure.hint}</span>`}</p>`,
  )}${missing.map(({ host, path }) => markup`<p class="failure">${host} left no ${path}</p>`)}${renderRecord(summary, "metric")}${
    checks.length === 0
      ? undefined
      : markup`<div class="scroll"><table><thead><tr><th scope="col">check</th><th scope="col">passed</th><th scope="col">found</th></tr></thead><tbody>${checks.map(
          ({ name, passed, detail }) =>
            markup`<tr><td>${name}</td><td><span class="badge ${passed ? "good" : "bad"}">${passed ? "✓ yes" : "✗ no"}</span></td><td>${detail}</td></tr>\n`,
        )}</tbody></table></div>`
  }`;
}

const renderRecord = (record: JsonObject | Readonly<Record<string, Json>>, word: string): Html =>
  Object.keys(record).length === 0
    ? markup`<p class="over">none</p>`
    : markup`<div class="scroll"><table><thead><tr><th scope="col">${word}</th><th scope="col">value</th></tr></thead><tbody>${Object.entries(
        record,
      ).map(
        ([name, value]) => markup`<tr><td>${name}</td><td class="mono">${toText(value)}</td></tr>\n`,
      )}</tbody></table></div>`;

/** Numbers without the digits that binary fractions add. */
const toText = (value: Json | undefined): string => {
  if (typeof value === "number") return String(Number(value.toPrecision(12)));
  if (typeof value === "string") return value;
  return value === undefined ? "" : JSON.stringify(value);
};

function renderHosts({ hosts }: AttemptManifest): Html {
  const facts = (host: AttemptManifest["hosts"][number]): string =>
    host.facts === undefined
      ? "nothing known"
      : `${host.facts.cpuModel}, ${host.facts.cpuCount} CPUs, ${(host.facts.memoryBytes / 1024 ** 3).toFixed(1)} GiB; ${host.facts.os}, kernel ${host.facts.kernel}`;
  const versions = hosts.flatMap(({ name, facts: own }) =>
    Object.entries(own?.versions ?? {}).map(([program, version]) => ({ host: name, text: `${program}: ${version}` })),
  );
  const texts = [...new Set(versions.map(({ text }) => text))];
  return markup`<div class="scroll"><table><thead><tr><th scope="col">host</th><th scope="col">role</th><th scope="col">where</th><th scope="col">machine</th><th scope="col">clock</th></tr></thead><tbody>${hosts.map(
    (host) =>
      markup`<tr><td>${host.name}</td><td>${host.role}</td><td>${[host.provider, host.zone ?? host.region].join(", ")}</td><td>${host.machineType}, ${host.image}<br><span class="over">${facts(host)}</span></td><td>${host.clock === undefined ? "" : `${host.clock.offsetMs} ± ${host.clock.errorMs} ms`}</td></tr>\n`,
  )}</tbody></table></div>${texts.length === 0 ? undefined : markup`<p class="over">${texts.join("; ")}</p>`}`;
}

/** Phases on one row, what ran on each host below; hosts' own times are set right by their measured offsets. */
function renderStates(manifest: AttemptManifest): Html {
  const offsets = new Map(manifest.hosts.map(({ name, clock }) => [name, clock?.offsetMs ?? 0]));
  const phases: TimelineRow = {
    label: "phases",
    bars: manifest.phases.map(({ phase, stage, startedAt, endedAt, hosts }) => ({
      label: stage === 0 ? phase : `${phase} ${stage + 1}`,
      fromMs: Date.parse(startedAt),
      toMs: Date.parse(endedAt),
      tone: hosts.some(({ failure }) => failure !== undefined) ? "bad" : "quiet",
    })),
  };
  const byHost = manifest.hosts.map(({ name }): TimelineRow => {
    const bars = new Map<string, TimelineBar>();
    for (const { hosts } of manifest.phases) {
      for (const { host, units } of hosts) {
        if (host !== name) continue;
        for (const unit of units) {
          if (unit.startedAt === undefined) continue;
          const from = Date.parse(unit.startedAt) - (offsets.get(host) ?? 0);
          const to = Date.parse(unit.endedAt ?? manifest.endedAt) - (offsets.get(host) ?? 0);
          // A service is told of when it is ready and again at its end: the later report knows more.
          bars.set(unit.name, { label: `${unit.name} ${unit.outcome}`, fromMs: from, toMs: to, tone: toneOf(unit) });
        }
      }
    }
    return { label: name, bars: [...bars.values()] };
  });
  const timeline: Timeline = {
    rows: [phases, ...byHost.filter(({ bars }) => bars.length > 0)],
    moments: manifest.events.flatMap(({ host, name, at }) =>
      at === undefined ? [] : [{ label: `${name} on ${host}`, atMs: Date.parse(at) - (offsets.get(host) ?? 0) }],
    ),
  };
  return markup`${renderTimeline(timeline)}${
    manifest.events.length === 0
      ? undefined
      : markup`<ul class="links">${manifest.events.map(({ host, name, outcome, at }) => markup`<li>${name} on ${host}: ${outcome}${at === undefined ? "" : ` at ${at.slice(11, 23)}`}</li>`)}</ul>`
  }`;
}

const toneOf = ({
  kind,
  outcome,
  exitCode,
}: {
  kind: string;
  outcome: string;
  exitCode?: number | undefined;
}): TimelineTone => {
  if (outcome === "ready" || outcome === "stopped") return "plain";
  if (outcome === "exited")
    return exitCode === 0 || exitCode === undefined ? (kind === "job" ? "good" : "plain") : "bad";
  return "bad";
};

function renderResources({ samples, manifest }: TrialPage): Html | undefined {
  const jobs = manifest?.phases.filter(({ phase }) => phase === "jobs") ?? [];
  const hosts = Object.entries(samples).flatMap(([host, own]) => {
    const charts = chartsOf(own);
    const ran = jobs.flatMap(({ hosts: all }) => all.filter((one) => one.host === host));
    const window =
      ran.length === 0
        ? undefined
        : {
            fromMs: Math.min(...ran.map(({ startedAt }) => Date.parse(startedAt))),
            toMs: Math.max(...ran.map(({ endedAt }) => Date.parse(endedAt))),
          };
    return charts.length === 0 ? [] : [markup`<h3>${host}</h3>${renderSampleCharts(charts, window)}`];
  });
  return hosts.length === 0
    ? undefined
    : markup`<p class="over">Sampled each second by the host; grey while the jobs ran.</p>${hosts}`;
}

const renderLogs = ({ logs, leftOutLogs }: TrialPage): Html =>
  markup`<div class="filter"><label>Search <input type="search" data-searches-logs placeholder="text in any log"></label><span class="over" data-log-count aria-live="polite"></span></div>
${logs.map(
  ({ host, path, bytes, text, leftOutBytes, isPartial }) =>
    markup`<details${bytes > 0 && isWorthSeeing(path) ? markup` open` : undefined}><summary>${host} <span class="mono">${path}</span> <span class="over">${bytes.toLocaleString("en-US")} bytes${leftOutBytes > 0 ? ", shortened" : ""}${isPartial ? ", not whole" : ""}</span></summary><pre class="log" tabindex="0" data-log aria-label="${path} of ${host}">${text}</pre></details>\n`,
)}${leftOutLogs > 0 ? markup`<p class="note">${leftOutLogs} more logs aren’t on this page: reprise logs and reprise fetch have them.</p>` : undefined}`;

/** What went wrong stands in these. */
const isWorthSeeing = (path: string): boolean => path.endsWith(".err");

const renderArtifacts = ({ artifacts }: AttemptManifest): Html =>
  markup`<div class="scroll"><table><thead><tr><th scope="col">file</th><th scope="col" class="number">bytes</th><th scope="col">SHA-256</th></tr></thead><tbody>${artifacts.map(
    ({ key, bytes, sha256, complete }) =>
      markup`<tr><td class="mono">${key.split("/").slice(3).join("/")}${complete ? undefined : markup` <span class="badge unsure">not whole</span>`}</td><td class="number">${bytes.toLocaleString("en-US")}</td><td class="mono digest">${sha256}</td></tr>\n`,
  )}</tbody></table></div>`;

const renderAttempts = (attempts: TrialPage["otherAttempts"]): Html =>
  markup`<div class="scroll"><table><thead><tr><th scope="col" class="number">attempt</th><th scope="col">outcome</th><th scope="col">why</th></tr></thead><tbody>${attempts.map(
    ({ attempt, outcome, message }) =>
      markup`<tr><td class="number">${attempt}</td><td>${outcome}</td><td>${message}</td></tr>\n`,
  )}</tbody></table></div>`;
