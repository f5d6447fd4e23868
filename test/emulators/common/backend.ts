import type { CloudName } from "./cloud-name.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";

/** A machine that a cloud has just put power on. */
export interface VmSpec {
  readonly cloud: CloudName;
  /** Unique over all clouds: `i-…`, the ARM id in lower case, Google's number. */
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly zone: string;
  readonly machineType: string;
  readonly arch: "x86_64" | "arm64";
  readonly vcpus: number;
  readonly image: string;
  /** What cloud-init would find: decoded from base64; Google's `user-data` metadata; empty when none was given. */
  readonly userData: string;
  /** In `authorized_keys` form, from the key pair, osProfile or `ssh-keys` metadata. */
  readonly sshPublicKeys: readonly string[];
  readonly privateIp: string;
  readonly publicIp: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
}

/** Where the machine's SSH server really listens. */
export interface BootedVm {
  readonly address: string;
  readonly port: number;
  /** `ssh-ed25519 AAAA…`; written to the console output, as cloud-init does. */
  readonly hostKey?: string;
}

/** What the machine can do to, and learn from, its cloud. */
export interface Guest {
  /** The machine has shut itself down; the cloud then does what its shutdown behaviour says. */
  poweredOff(): void;
  /** The link-local metadata service: identity and the notice before a spot interruption. */
  metadata(request: Pick<HttpRequest, "method" | "headers"> & { readonly path: string }): HttpResponse;
}

export interface ShellResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * What stands behind an emulated machine. The clouds call `boot` when a machine's state becomes running and `kill` when
 * it loses power for whatever reason (deleted, interrupted, stopped); after `kill` the same id may boot again.
 */
export interface VmBackend {
  /** A rejection is kept in `Emulator.problems`; the cloud goes on saying "running", as real ones do. */
  boot(vm: VmSpec, guest: Guest): Promise<BootedVm>;
  /** Idempotent; also called for machines whose `boot` is still under way. */
  kill(id: string): Promise<void>;
  /** Runs a script as root for SSM Run Command. */
  run(id: string, script: string, signal: AbortSignal): Promise<ShellResult>;
}

/** Machines that are only written down; a script succeeds at once and says nothing unless `onRun` says otherwise. */
export class MemoryBackend implements VmBackend {
  readonly running = new Map<string, { readonly vm: VmSpec; readonly guest: Guest }>();
  private readonly onRun: (vm: VmSpec, script: string) => ShellResult | Promise<ShellResult>;

  constructor(onRun?: (vm: VmSpec, script: string) => ShellResult | Promise<ShellResult>) {
    this.onRun = onRun ?? (() => ({ exitCode: 0, stdout: "", stderr: "" }));
  }

  async boot(vm: VmSpec, guest: Guest): Promise<BootedVm> {
    this.running.set(vm.id, { vm, guest });
    return { address: vm.publicIp ?? vm.privateIp, port: 22 };
  }

  async kill(id: string): Promise<void> {
    this.running.delete(id);
  }

  async run(id: string, script: string): Promise<ShellResult> {
    const machine = this.running.get(id);
    if (machine === undefined) throw new Error(`no machine ${id} runs`);
    return this.onRun(machine.vm, script);
  }
}
