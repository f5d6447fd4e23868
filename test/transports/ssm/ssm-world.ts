import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { EC2Client, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { SSMClient } from "@aws-sdk/client-ssm";
import { seededRandom } from "../../../core/effects/random.ts";
import type { HostAddress, RemoteTask } from "../../../core/ports/transport.ts";
import { VirtualClock } from "../../../engines/clock/virtual-clock.ts";
import { SsmTransport } from "../../../transports/ssm/index.ts";
import type { SsmEffects, SsmOptions } from "../../../transports/ssm/index.ts";
import { awsClientSettings, awsRequestHandler } from "../../emulators/aws/clients.ts";
import { createEmulator } from "../../emulators/cloud.ts";
import type { Emulator, EmulatorOptions } from "../../emulators/cloud.ts";
import { MemoryBackend } from "../../emulators/common/backend.ts";
import type { ShellResult, VmSpec } from "../../emulators/common/backend.ts";

export const region = "us-east-1";
const spool = "/var/lib/reprise-ssm";

export interface SsmWorld {
  readonly clock: VirtualClock;
  readonly emulator: Emulator;
  readonly hosts: readonly HostAddress[];
  /** Scripts as hosts got them, oldest first. */
  readonly scripts: { readonly instanceId: string; readonly script: string }[];
  readonly transport: (options?: SsmOptions, effects?: Partial<SsmEffects>) => SsmTransport;
  /** A host's own folder, in place of its spool. */
  readonly folderOf: (host: HostAddress) => string;
  /** In place of running a script, where it gives something. */
  onScript: (vm: VmSpec, script: string) => ShellResult | undefined;
  readonly calls: (operation: string) => number;
  readonly close: () => void;
}

/**
 * Systems Manager as the emulator has it, on a virtual clock, and behind each machine a real shell: scripts run to their
 * end between two instants, with `sleep` put to sleep.
 */
export async function openSsmWorld(
  hostCount: number,
  options: Omit<Partial<EmulatorOptions>, "clock"> = {},
): Promise<SsmWorld> {
  const clock = new VirtualClock();
  const folder = mkdtempSync(join(tmpdir(), "reprise-ssm-"));
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "sleep"), "#!/bin/sh\nexit 0\n");
  chmodSync(join(bin, "sleep"), 0o755);
  const backend = new MemoryBackend((vm, script) => {
    const instead = world.onScript(vm, script);
    world.scripts.push({ instanceId: vm.id, script });
    if (instead !== undefined) return instead;
    return shell(script.replaceAll(spool, join(folder, vm.id)), bin);
  });
  const emulator = createEmulator({ clock, backend, ...options });
  const settings = { ...awsClientSettings(region), requestHandler: awsRequestHandler(emulator.aws.handle) };
  const ssm = new SSMClient(settings);
  let ids = 0;
  const world: SsmWorld = {
    clock,
    emulator,
    hosts: await clock.run(launch(new EC2Client(settings), hostCount)),
    scripts: [],
    onScript: () => undefined,
    folderOf: ({ address }) => join(folder, address),
    transport: (ssmOptions = {}, effects = {}) =>
      new SsmTransport(ssmOptions, {
        ssm: () => ssm,
        clock,
        random: seededRandom(3),
        newId: () => `delivery-${++ids}`,
        findInstance: async ({ address }) => (address === "gone" ? undefined : { region, instanceId: address }),
        ...effects,
      }),
    calls: (operation) => emulator.log.calls.filter((call) => call.operation === operation).length,
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
  return world;
}

async function launch(ec2: EC2Client, count: number): Promise<HostAddress[]> {
  const { Instances = [] } = await ec2.send(
    new RunInstancesCommand({
      ImageId: "ami-00000000000000100",
      InstanceType: "c6i.large",
      MinCount: count,
      MaxCount: count,
      IamInstanceProfile: { Name: "ssm" },
    }),
  );
  return Instances.map(({ InstanceId = "" }, index) => ({
    host: `server-${index}`,
    address: InstanceId,
    port: 22,
    user: userInfo().username,
    hostKey: "",
  }));
}

function shell(script: string, bin: string): ShellResult {
  const { status, stdout, stderr } = spawnSync("sh", ["-c", script], {
    encoding: "utf8",
    env: { PATH: `${bin}:${process.env["PATH"] ?? ""}` },
    maxBuffer: 64 * 1024 ** 2,
  });
  return { exitCode: status ?? -1, stdout, stderr };
}

/** What deliveries left on a host. */
export const leftIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** A command for a shell, with an argument that must arrive as it is. */
export const sh = (script: string, overrides: Partial<RemoteTask<string>> = {}): RemoteTask<string> => ({
  argv: ["sh", "-c", script, "sh", 'it\'s {{ssm:x}} "$HOME" é'],
  timeoutMs: 60_000,
  idempotent: false,
  parse: (stdout) => stdout,
  ...overrides,
});

/** Longer than the agents need to register. */
export const bootMs = 90_000;
