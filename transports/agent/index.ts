export { ShellAgent } from "./shell-agent.ts";
export type { ShellAgentEffects, ShellAgentOptions } from "./shell-agent.ts";
export { readSupervisorFiles } from "./supervisor-files.ts";
export type { SupervisorFiles } from "./supervisor-files.ts";
