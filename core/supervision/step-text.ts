import { FailureError } from "../errors/failure.ts";
import type { HostStep, Readiness, Unit } from "../ports/host-agent.ts";
import { globToPattern } from "./glob.ts";
import { shellWord } from "./shell-word.ts";

/** What a step on a host depends on beside the step itself. */
export interface StepSettings {
  /** The host's name in its deployment. */
  readonly host: string;
  /** Where a reset may drop the page cache: on machines of our own, not on one that others work on. */
  readonly dropsCaches: boolean;
  /** Registers the supervisor with systemd or cron, so that unacknowledged results are reported after a reboot. */
  readonly survivesReboot: boolean;
  readonly beatEveryMs: number;
  readonly liveEveryMs: number;
  /** First pause before an upload or report is tried again; doubles up to a minute. */
  readonly retryMs: number;
  /** How long past the later of deadline and end a host goes on reporting. */
  readonly reportGraceMs: number;
  /** Pushed files larger than this travel as parts, `{path}.part0000` and on, each an artifact. */
  readonly partBytes: number;
  /** A spot machine's cloud, and where it announces on the machine that it takes it back. @default nothing is announced */
  readonly notices?: { readonly cloud: NoticingCloud; readonly url: string } | undefined;
}

/** Clouds that tell a spot machine a moment before they take it back: two minutes on AWS, half of one elsewhere. */
export const noticingClouds = ["aws", "azure", "gcp"] as const;
export type NoticingCloud = (typeof noticingClouds)[number];

/** All three serve their metadata there. */
export const metadataUrl = "http://169.254.169.254";

export const defaultStepSettings: Omit<StepSettings, "host"> = {
  dropsCaches: true,
  survivesReboot: false,
  beatEveryMs: 60_000,
  liveEveryMs: 5_000,
  retryMs: 1_000,
  reportGraceMs: 15 * 60_000,
  partBytes: 1024 ** 3,
};

const defaults = { logBytes: 1024 ** 3, readyTimeoutMs: 60_000, stopGraceMs: 10_000, stopSignal: "TERM" } as const;

/**
 * A step as the text that `supervisor.sh arm` takes on stdin: shell assignments, one value each, single-quoted.
 *
 * @throws {FailureError} class invalid for names, paths and values that a host could misread
 */
export function encodeStep(step: HostStep, settings: StepSettings): string {
  const lines: string[] = [];
  const put = (name: string, value: string | number | boolean): void => {
    lines.push(`${name}=${shellWord(typeof value === "boolean" ? (value ? "1" : "0") : String(value))}`);
  };
  const names = new Set<string>();

  put("step_format", 1);
  put("step_id", check("step id", /^[A-Za-z0-9_=+@][A-Za-z0-9._=+@-]{0,199}$/, step.stepId));
  put("step_host", check("host name", /^[A-Za-z0-9][A-Za-z0-9._-]*$/, settings.host));
  put("step_run", check("run id", /^[A-Za-z0-9][A-Za-z0-9._-]*$/, step.fence.runId));
  put("step_epoch", whole("epoch", step.fence.epoch));
  put("step_attempt", whole("attempt", step.fence.attempt));
  put("step_dir", checkRelative("attempt folder", step.attemptDir));
  put("step_key", step.attemptDir.replaceAll("/", "%"));
  put("step_go", step.waitsForGo);
  put("step_guard", step.guardsServices);
  put("step_stops", step.stops);
  put("step_resets", step.resets);
  put("step_deadline", whole("deadline", step.deadlineAt));
  put("step_drop_caches", settings.dropsCaches);
  put("step_boot_hook", settings.survivesReboot && step.push !== undefined);
  put("step_push", step.push !== undefined);
  put("step_endpoint", step.push === undefined ? "" : check("endpoint", /^https?:\/\/[^\s"\\]+$/, step.push.endpoint));
  put("step_capability", step.push?.capability ?? "");
  put("step_notice", settings.notices?.cloud ?? "");
  put("step_notice_url", check("URL", /^https?:\/\/[A-Za-z0-9.:[\]-]+$/, settings.notices?.url ?? metadataUrl));
  put("step_beat_ms", whole("beat", settings.beatEveryMs));
  put("step_live_ms", whole("live interval", settings.liveEveryMs));
  put("step_retry_ms", whole("retry", settings.retryMs));
  put("step_grace_ms", whole("grace", settings.reportGraceMs));
  // Pulled files are streamed whole; only single requests have a bound.
  put("step_part_bytes", step.push === undefined ? 0 : whole("part size", settings.partBytes));

  put("step_collect", step.collect.length);
  step.collect.forEach((rule, index) => {
    const c = `c${index + 1}`;
    put(`${c}_glob`, rule.glob);
    put(`${c}_pattern`, globToPattern(rule.glob));
    put(`${c}_required`, rule.required);
  });

  const live = step.live ?? [];
  put("step_live", live.length);
  live.forEach((glob, index) => put(`l${index + 1}_pattern`, globToPattern(glob)));

  put("step_units", step.units.length);
  step.units.forEach((unit, index) => {
    check("unit name", /^[a-z0-9][a-z0-9.-]{0,63}$/, unit.name);
    if (names.has(unit.name)) invalid(`two units of step ${step.stepId} are named "${unit.name}"`);
    names.add(unit.name);
    putUnit(unit, `u${index + 1}`, put);
  });
  put("step_end", 1);
  return `${lines.join("\n")}\n`;
}

type Put = (name: string, value: string | number | boolean) => void;

function putUnit(unit: Unit, u: string, put: Put): void {
  const { limits } = unit;
  put(`${u}_name`, unit.name);
  put(`${u}_kind`, unit.kind);
  put(`${u}_script`, unit.script);
  put(`${u}_env`, exportLines(unit));
  put(`${u}_work`, unit.workDir === "" ? "." : unit.workDir);
  put(`${u}_user`, unit.user === undefined ? "" : check("user", /^[A-Za-z_][A-Za-z0-9_.-]*$/, unit.user));
  put(`${u}_timeout`, whole("timeout", unit.timeoutMs));
  put(`${u}_log`, whole("log limit", limits.logBytes ?? defaults.logBytes));
  put(`${u}_memory`, limits.memoryBytes === undefined ? "" : whole("memory limit", limits.memoryBytes));
  put(`${u}_swap`, limits.swapBytes === undefined ? "" : whole("swap limit", limits.swapBytes));
  put(`${u}_cpus`, limits.cpus === undefined ? "" : check("CPU list", /^\d+(-\d+)?(,\d+(-\d+)?)*$/, limits.cpus));
  put(`${u}_signal`, unit.stopSignal ?? defaults.stopSignal);
  put(`${u}_grace`, whole("grace", unit.stopGraceMs ?? defaults.stopGraceMs));
  put(`${u}_ready`, unit.ready?.kind ?? "none");
  put(`${u}_ready_arg`, readyArgument(unit.ready));
  put(`${u}_ready_timeout`, whole("ready timeout", unit.readyTimeoutMs ?? defaults.readyTimeoutMs));
  put(`${u}_undo`, unit.undo ?? "");
  if (unit.kind === "event" && unit.trigger === undefined) invalid(`event ${unit.name} has no trigger`);
  const { trigger } = unit;
  put(`${u}_trigger`, trigger?.kind ?? "");
  put(
    `${u}_trigger_arg`,
    trigger === undefined ? "" : trigger.kind === "at" ? whole("offset", trigger.offsetMs) : oneLine(trigger.pattern),
  );
  put(
    `${u}_trigger_unit`,
    trigger?.kind === "logLine" ? check("unit name", /^[a-z0-9][a-z0-9.-]*$/, trigger.unit) : "",
  );
  put(`${u}_files`, unit.files.length);
  unit.files.forEach((file, index) => {
    const f = `${u}_f${index + 1}`;
    if (file.path.split("/").includes("..") || file.path === "") invalid(`not a file's path: "${file.path}"`);
    put(`${f}_path`, file.path);
    put(`${f}_mode`, check("file mode", /^[0-7]{3,4}$/, file.mode));
    put(`${f}_content`, file.content);
  });
}

const exportLines = (unit: Unit): string =>
  Object.entries(unit.env)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => {
      check(`variable of ${unit.name}`, /^[A-Za-z_][A-Za-z0-9_]*$/, name);
      return `export ${name}=${shellWord(value)}`;
    })
    .join("\n");

function readyArgument(ready: Readiness | undefined): string | number {
  if (ready === undefined) return "";
  switch (ready.kind) {
    case "none":
      return "";
    case "port":
      return whole("port", ready.port);
    case "http":
      return check("URL", /^https?:\/\/\S+$/, ready.url);
    case "logLine":
      return oneLine(ready.pattern);
    case "command":
      return ready.script;
    default:
      return ready satisfies never;
  }
}

function invalid(message: string): never {
  throw new FailureError({ class: "invalid", message });
}

function check(what: string, pattern: RegExp, value: string): string {
  return pattern.test(value) ? value : invalid(`not a ${what}: ${JSON.stringify(value)}`);
}

function checkRelative(what: string, path: string): string {
  check(what, /^[A-Za-z0-9._=+@-]+(\/[A-Za-z0-9._=+@-]+)*$/, path);
  if (path.split("/").some((s) => s === "." || s === "..") || path.startsWith(".state"))
    invalid(`not a ${what}: ${path}`);
  return path;
}

const whole = (what: string, value: number): number =>
  Number.isSafeInteger(value) && value >= 0 ? value : invalid(`not a ${what}: ${value}`);

const oneLine = (pattern: string): string =>
  pattern.includes("\n") ? invalid(`a pattern is one line: ${JSON.stringify(pattern)}`) : pattern;
