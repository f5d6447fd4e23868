export type { OutputBucket } from "./fetch-output.ts";
export type { FindInstance, Instance, SsmOptions } from "./options.ts";
export type { AgentState } from "./ssm-api.ts";
export { openSsm } from "./open-ssm.ts";
export { SsmTransport } from "./ssm-transport.ts";
export type { SsmEffects } from "./ssm-transport.ts";
export type { OneTimeUrl } from "./stdin-carrier.ts";
