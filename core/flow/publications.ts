import { FailureError } from "../errors/failure.ts";
import { sha256Hex } from "../evidence/sha256.ts";
import { blobKey, deploymentKeys } from "../names/keys.ts";
import type { FetchRule, RenderedStep, Topology, TopologyHost } from "../plan/types.ts";
import type { FlowEffects } from "./effects.ts";
import { toBytes } from "./effects.ts";

/** What travels between hosts over the control side: binaries, certificates. Larger things belong into the store by the hosts themselves. */
const mostBytes = 512 * 1024 ** 2;

/**
 * Brings files that one host published to the hosts that fetch them, before a set-up stage starts: by digest through the
 * store, and secrets from host to host through this process's memory alone.
 */
export async function bringFetches(
  steps: readonly RenderedStep[],
  topology: Topology,
  runId: string,
  fx: FlowEffects,
): Promise<void> {
  const taken = new Map<string, { readonly host: string; readonly rule: FetchRule }[]>();
  for (const { host, fetches } of steps) {
    for (const rule of fetches ?? []) {
      const source = `${rule.fromHost}:${rule.fromPath}`;
      taken.set(source, [...(taken.get(source) ?? []), { host, rule }]);
    }
  }
  // One file after the other: no more than one is in memory.
  for (const takers of taken.values()) {
    let body: Uint8Array | undefined;
    for (const { host, rule } of takers) {
      body ??= await readPublished(rule, hostNamed(topology, rule.fromHost), runId, topology.deploymentId, fx);
      await fx.agent(runId, hostNamed(topology, host)).putFile(rule.path, body, rule.mode, rule.secret);
    }
  }
}

async function readPublished(
  rule: FetchRule,
  host: TopologyHost,
  runId: string,
  deploymentId: string,
  fx: FlowEffects,
): Promise<Uint8Array> {
  if (rule.secret && host.ssm !== undefined) {
    throw new FailureError({
      class: "invalid",
      message: `${rule.name} of ${host.name} is a secret, and what Systems Manager brings is kept in its history`,
      hint: `\`reach: open\` for the role ${host.role} brings it by SSH`,
    });
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Relative to the supervisor's root; to the agent a folder there and a path below it.
  const slash = rule.fromPath.indexOf("/");
  const [folder, path] = [rule.fromPath.slice(0, slash), rule.fromPath.slice(slash + 1)];
  for await (const chunk of fx.agent(runId, host).read(folder, path, 0)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > mostBytes) {
      throw new FailureError({
        class: "invalid",
        message: `${rule.name} of ${host.name} is larger than ${mostBytes / 1024 ** 2} MiB`,
        hint: "let each host download it, or publish a smaller file",
      });
    }
  }
  const body = concat(chunks, bytes);
  if (!rule.secret) {
    const sha256 = sha256Hex(body);
    await fx.store.putIfAbsent(blobKey(sha256), body, "blob");
    const record = { name: rule.name, host: host.name, path: rule.fromPath, sha256, bytes };
    await fx.store.putIfAbsent(deploymentKeys(runId, deploymentId).published(rule.name), toBytes(record), "setup");
  }
  return body;
}

function concat(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const body = new Uint8Array(bytes);
  let offset = 0;
  for (const chunk of chunks) {
    body.set(chunk, offset);
    offset += chunk.length;
  }
  return body;
}

function hostNamed(topology: Topology, name: string): TopologyHost {
  const host = topology.hosts.find((h) => h.name === name);
  if (host === undefined)
    throw new FailureError({ class: "defect", message: `no host ${name} in ${topology.deploymentId}` });
  return host;
}
