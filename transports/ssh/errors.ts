import { FailureError } from "../../core/errors/failure.ts";
import type { HostAddress } from "../../core/ports/transport.ts";

/** Another machine answers where the pinned one was expected. Final: nothing was sent to it, nothing will be. */
export class HostKeyError extends FailureError {
  readonly presented: string;
  constructor(host: HostAddress, presented: string) {
    super({
      class: "integrity",
      message: `${host.host} at ${host.address}:${host.port} shows host key ${presented}, pinned is ${host.hostKey}`,
      hint: "the address was probably given to another machine; observe the deployment again, or correct the pinned key",
      host: host.host,
    });
    this.presented = presented;
  }
}

/** The host is the right one and refuses our key. A cloud's host does so until its first boot has written the key. */
export class AuthenticationError extends FailureError {
  constructor(host: HostAddress, cause: unknown) {
    super(
      {
        class: "auth",
        message: `${host.host} refuses the key of user "${host.user}"`,
        hint: "on a host that is still booting ask again; otherwise check the user and its authorized key",
        host: host.host,
      },
      { cause },
    );
  }
}

/** An answer longer than its task allows: cut, it could be misread, so it is none. */
export class OutputTooLongError extends FailureError {
  constructor(host: HostAddress, command: string, maxOutputBytes: number) {
    super({
      class: "command",
      message: `${host.host} answered with more than ${maxOutputBytes} bytes: ${command}`,
      hint: "read it with stream(), or allow more in the task's maxOutputBytes",
      host: host.host,
    });
  }
}
