/**
 * How the control side reaches hosts of AWS: by SSH from anywhere (`open`: keys only, host keys pinned), by SSH from one
 * fixed address (`nat`), or by Systems Manager with no inbound port at all (`ssm`).
 */
export const reachModes = ["open", "nat", "ssm"] as const;
export type Reach = (typeof reachModes)[number];
