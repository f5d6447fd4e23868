import type { DeploymentId, Place } from "../../core/ports/provider.ts";
import { FailureError } from "../../core/errors/failure.ts";
import type { ComputeApi } from "./compute-api.ts";
import { failureOfOperation, isTaken } from "./errors.ts";
import { networkTag, requestIdOf } from "./names.ts";
import { isBeingDeleted, takeSnapshot } from "./snapshot.ts";
import { pathInProject } from "./wire.ts";

/**
 * Opens the deployment's hosts to its hosts elsewhere, by their public addresses, and to nobody else: the rule holds
 * exactly these. Hosts on Google reach each other by the rule that was made with them.
 */
export async function connectPeers(
  deployment: DeploymentId,
  place: Place,
  peers: readonly string[],
  api: ComputeApi,
): Promise<void> {
  const snapshot = await takeSnapshot(deployment, place, api);
  const standing = snapshot.unlabelled.filter(({ path }) => !isBeingDeleted(snapshot, path));
  const newest = Math.max(-1, ...standing.map(({ round }) => round));
  const ofRound = standing.filter(({ round }) => round === newest);
  const sourceRanges = [...new Set(peers.map((peer) => (peer.includes("/") ? peer : `${peer}/32`)))].sort();
  const known = ofRound.find(({ kind }) => kind === "peer");
  if (known !== undefined) {
    if (sourceRanges.join() === [...(known.found.sourceRanges ?? [])].sort().join()) return;
    // A rule without sources would admit everybody.
    if (sourceRanges.length === 0) await api.change("DELETE", known.path);
    else await api.change("PATCH", known.path, { name: known.found.name, sourceRanges });
    return;
  }
  if (sourceRanges.length === 0) return;
  const ssh = ofRound.find(({ kind }) => kind === "ssh");
  if (ssh === undefined)
    throw new FailureError({
      // Asked again, listings show it, or the deployment is known to be gone.
      class: "transport",
      message: `${deployment} has no firewall on Google yet to open for its peers`,
    });
  const name = ssh.found.name.replace(/-ssh$/, "-peer");
  const body = {
    name,
    description: ssh.found.description ?? "",
    network: ssh.found.network ?? "global/networks/default",
    direction: "INGRESS",
    sourceRanges,
    targetTags: [networkTag(deployment)],
    allowed: [{ IPProtocol: "all" }],
  };
  try {
    // The sources are part of the id: other ones are another request.
    const id = requestIdOf(`${name} ${sourceRanges.join()}`, pathInProject(ssh.path));
    const failure = failureOfOperation(await api.change("POST", "global/firewalls", body, id));
    if (failure !== undefined) throw new FailureError(failure);
  } catch (error) {
    if (!isTaken(error)) throw error;
    // Made a moment ago, and not listed yet.
    await api.change("PATCH", `global/firewalls/${name}`, { name, sourceRanges });
  }
}
