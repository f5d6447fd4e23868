import { FailureError } from "../../core/errors/failure.ts";
import type { CommandResult, RemoteTask } from "../../core/ports/transport.ts";

/** A failed command as an error, where one is wanted: class command, timeout, cancelled or transport. */
export function expectSuccess(result: CommandResult): CommandResult {
  if (result.outcome === "exited" && result.exitCode === 0) return result;
  const about = `${result.host}: ${result.command}`;
  const stderr = result.stderr.trim().slice(-500) || undefined;
  const fail = (failureClass: "command" | "timeout" | "cancelled" | "transport", what: string): FailureError =>
    new FailureError({ class: failureClass, message: `${what}: ${about}`, hint: stderr, host: result.host });
  switch (result.outcome) {
    case "exited":
      throw fail("command", `exit code ${result.exitCode ?? "unknown"}`);
    case "timedOut":
      throw fail("timeout", `no end after ${result.durationMs} ms`);
    case "canceled":
      throw fail("cancelled", "canceled");
    case "unreachable":
      throw fail("transport", "unreachable");
    case "connectionLost":
      throw fail("transport", "connection lost");
    default:
      return result.outcome satisfies never;
  }
}

/** A successful command's answer, read by its task. */
export const parseSuccess = <T>(task: RemoteTask<T>, result: CommandResult): T =>
  task.parse(expectSuccess(result).stdout);
