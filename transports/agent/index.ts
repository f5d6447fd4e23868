export { ShellAgent } from "./shell-agent.ts";
export type { ShellAgentEffects, ShellAgentOptions } from "./shell-agent.ts";
export { readSupervisorFiles } from "./supervisor-files.ts";
export type { SupervisorFiles } from "./supervisor-files.ts";
export type { Readiness, ReadinessFiles } from "./readiness.ts";
export { readinessTask, whenReady } from "./readiness.ts";
