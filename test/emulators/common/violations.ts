import type { CloudName } from "./cloud-name.ts";

/** Where somebody left a cloud's own description of its interface, or asked for what is not emulated. */
export interface Violation {
  readonly cloud: CloudName;
  readonly operation: string;
  /** `request`: the caller's mistake. `response`: the emulator's. `notImplemented`: a gap in the emulator. */
  readonly where: "request" | "response" | "notImplemented";
  readonly problems: readonly string[];
}
