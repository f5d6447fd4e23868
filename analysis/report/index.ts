/** Pages of a run beside its gallery: one a trial, and a list where there are several runs. Plain data in, HTML out. */
export { siteFonts } from "../gallery/document.ts";
export { defaultLogLimits, showLog } from "./log-text.ts";
export type { LogLimits, ShownLog } from "./log-text.ts";
export { renderRunList } from "./run-list.ts";
export type { ListedRun } from "./run-list.ts";
export { chartsOf, parseSamples } from "./samples.ts";
export type { HostSamples, Sample, SampleChart } from "./samples.ts";
export { renderTrialPage } from "./trial-page.ts";
export type { TrialLog, TrialPage } from "./trial-page.ts";
