/**
 * Whether a machine that a cloud has just made is what was asked for: asked before anything is put on it.
 *
 * An SSH server answers long before a machine is ready. So the host itself is asked: whether cloud-init has finished and
 * how, whether our own first boot reached its end, whether it is about to reboot, and whether anybody holds a package
 * lock. No waiting here: "not yet" is an answer, and the flow asks again.
 */
import { z } from "zod";
import { FailureError } from "../../core/errors/failure.ts";
import type { Failure } from "../../core/errors/failure.ts";
import type { HostAgent, HostFacts, HostStart } from "../../core/ports/host-agent.ts";
import type { HostAddress, RemoteTask, Transport } from "../../core/ports/transport.ts";

export type Readiness =
  | {
      readonly kind: "ready";
      readonly bootId: string;
      readonly instanceId: string | undefined;
      readonly start: HostStart;
    }
  | { readonly kind: "notYet"; readonly why: string }
  | { readonly kind: "failed"; readonly why: string; readonly said: string };

/** Where user data leaves its last word; the reader has to agree with the clouds' providers. */
export interface ReadinessFiles {
  /** Holds the boot id of the first boot, once that went well to its end. */
  readonly born: string;
}

/**
 * One line a fact, `name=value`. A lock is held by whoever the kernel's own list shows for the file's inode: dpkg's and
 * apt's are POSIX locks, which flock(1) doesn't see.
 */
const script = `as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@" 2>/dev/null; fi; }
echo "boot_id=$(cat /proc/sys/kernel/random/boot_id)"
echo "booted_at=$(awk '$1 == "btime" { print $2 }' /proc/stat)"
echo "instance_id=$(cat /var/lib/cloud/data/instance-id 2>/dev/null)"
echo "born=$(cat "$1" 2>/dev/null)"
echo "born_at=$(stat -c %Y "$1" 2>/dev/null)"
[ ! -e /run/systemd/shutdown/scheduled ] || echo "reboot=scheduled"
[ ! -e /run/reboot-required ] || echo "reboot_due=1"
for f in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock; do
  [ -e $f ] || continue
  grep -q ":$(stat -c %i $f) [0-9]* [0-9EOF]*$" /proc/locks && { echo "lock=$f"; break; }
done
if command -v cloud-init >/dev/null; then
  status=$(cloud-init status --format=json 2>/dev/null | tr -d '\\n')
  echo "cloud_init=$status"
  case $status in *'"status": "error"'*) as_root tail -n 20 /var/log/cloud-init-output.log | sed 's/^/said=/' ;; esac
fi
exit 0`;

const cloudInitSchema = z.object({
  status: z.string(),
  extended_status: z.string().optional(),
  detail: z.string().default(""),
  errors: z.array(z.string()).default([]),
});

export const readinessTask = (files: ReadinessFiles): RemoteTask<Readiness> => ({
  argv: ["sh", "-c", script, "readiness", files.born],
  timeoutMs: 30_000,
  idempotent: true,
  parse: readReadiness,
});

/** Reads the script's answer; a line that it can't have written is passed over. */
export function readReadiness(stdout: string): Readiness {
  const facts = new Map<string, string>();
  const said: string[] = [];
  for (const line of stdout.split("\n")) {
    const at = line.indexOf("=");
    if (at < 0) continue;
    if (line.startsWith("said=")) said.push(line.slice(at + 1));
    else facts.set(line.slice(0, at), line.slice(at + 1));
  }
  const fact = (name: string): string | undefined => facts.get(name) || undefined; // an empty answer is none
  const bootId = fact("boot_id");
  if (bootId === undefined) return { kind: "notYet", why: "the host doesn't say its boot id" };

  const cloudInit = readCloudInit(fact("cloud_init"));
  switch (cloudInit?.status) {
    case "error": {
      const why = cloudInit.errors.join("; ") || cloudInit.detail || "cloud-init failed";
      return { kind: "failed", why, said: said.join("\n").slice(-1_500) };
    }
    case "disabled":
      return { kind: "failed", why: "cloud-init is disabled in this image", said: "" };
    case "running":
    case "not run":
    case "not started":
      return { kind: "notYet", why: `cloud-init: ${cloudInit.extended_status ?? cloudInit.status}` };
    default: // done, or a host without cloud-init: our own last word decides
  }
  const born = fact("born");
  if (born === undefined) return { kind: "notYet", why: "its first boot hasn't come to its end" };
  if (fact("reboot") !== undefined) return { kind: "notYet", why: "a reboot or shutdown is scheduled" };
  const lock = fact("lock");
  if (lock !== undefined) return { kind: "notYet", why: `a package manager is at work (${lock})` };
  return {
    kind: "ready",
    bootId,
    instanceId: fact("instance_id"),
    start: {
      bootedAt: seconds(fact("booted_at")),
      setUpAt: seconds(fact("born_at")),
      rebootDue: fact("reboot_due") !== undefined,
    },
  };
}

function readCloudInit(text: string | undefined): z.output<typeof cloudInitSchema> | undefined {
  if (text === undefined) return undefined;
  try {
    return cloudInitSchema.parse(JSON.parse(text));
  } catch {
    return { status: "running", detail: "", errors: [], extended_status: "it doesn't answer in full" };
  }
}

const seconds = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) * 1000 : undefined;

/**
 * The agent of a host that a cloud made: `prepare` waits (by "no answer yet", which the flow asks again) until the host
 * is ready, and fails with the machine's own words when it never will be.
 */
export function whenReady(
  agent: HostAgent,
  host: HostAddress,
  effects: { readonly transport: Transport; readonly files: ReadinessFiles },
): HostAgent {
  const prepare = async (expected: { readonly bootId?: string | undefined }): Promise<HostFacts> => {
    const readiness = await look(host, effects);
    switch (readiness.kind) {
      case "notYet":
        throw failure(host, "transport", `${host.host} is not ready: ${readiness.why}`);
      case "failed":
        throw failure(host, "boot", `${host.host} failed to set itself up: ${readiness.why}`, readiness.said);
      case "ready":
        break;
      default:
        return readiness satisfies never;
    }
    const facts = await agent.prepare(expected);
    if (facts.bootId !== readiness.bootId)
      throw failure(host, "transport", `${host.host} is not ready: it rebooted just now`);
    return { ...facts, instanceId: facts.instanceId ?? readiness.instanceId, start: readiness.start };
  };
  return new Proxy(agent, {
    get: (target, property) => {
      if (property === "prepare") return prepare;
      const member: unknown = Reflect.get(target, property, target);
      return typeof member === "function" ? (member.bind(target) as unknown) : member; // a method keeps its object
    },
  });
}

async function look(
  host: HostAddress,
  { transport, files }: { readonly transport: Transport; readonly files: ReadinessFiles },
): Promise<Readiness> {
  try {
    const result = await transport.run(host, readinessTask(files));
    if (result.outcome === "exited" && result.exitCode === 0) return readReadiness(result.stdout);
    const what = result.outcome === "exited" ? `exit code ${result.exitCode ?? "unknown"}` : result.outcome;
    return { kind: "notYet", why: `${what} ${result.stderr.trim().slice(-200)}`.trim() };
  } catch (error) {
    // Its first boot may not have written our key yet.
    if (error instanceof FailureError && error.failure.class === "auth")
      return { kind: "notYet", why: error.failure.message };
    throw error;
  }
}

const failure = (host: HostAddress, failureClass: Failure["class"], message: string, evidence?: string): FailureError =>
  new FailureError({ class: failureClass, message, host: host.host, ...(evidence ? { evidence } : {}) });
