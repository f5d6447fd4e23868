import type { StackRef } from "./deployed/stack.ts";
import type { Output } from "./output.ts";

/** What every command gets beside its own arguments. */
export interface CommandContext {
  readonly output: Output;
  readonly engine: "embedded" | "aws";
  /** The deployed control plane that `--stack` and `--region` name, whether it is there or not. */
  readonly stack: StackRef;
  /** Folder of the embedded engine's state and store, or the deployed one's bucket: see `parseHome`. */
  readonly home: string;
}
