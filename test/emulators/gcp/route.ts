import type { OpenCall } from "../common/call-log.ts";
import type { WireObject } from "../common/wire.ts";
import type { GcpOperation, Project } from "./project.ts";

export interface GcpContext {
  readonly project: Project;
  /** Path parameters by their names in the discovery document. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly call: OpenCall;
}

/** A method that reads, or one that begins an operation. */
export type GcpRoute = {
  /** `compute.instances.insert`, as in the discovery document */
  readonly id: string;
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below `projects/{project}/`, such as `zones/{zone}/instances/{instance}`. */
  readonly path: string;
  readonly query?: readonly string[];
} & (
  | { readonly read: (context: GcpContext) => WireObject | Promise<WireObject> }
  | { readonly mutate: (context: GcpContext) => GcpOperation }
);
