import { sha256Hex } from "../../core/evidence/sha256.ts";
import type { Trial, TrialArtifact } from "../../analysis/trials.ts";

/** A trial of two clients that each left a file; files by path, as text. */
export function trialFixture(overrides: Partial<Trial> = {}, files: Readonly<Record<string, string>> = {}): Trial {
  return {
    runId: "demo-260101-0000-abcd",
    experiment: "demo",
    sweep: "load",
    pointKey: "clients=4",
    parameters: { clients: 4, mode: "group", server: { cpus: 2 } },
    trialIndex: 0,
    trialKey: "k0",
    attempt: 1,
    summary: { p50Ms: 1.5 },
    artifacts: Object.entries(files).map(([path, text]) => artifactFixture(path, text, overrides.pointKey)),
    ...overrides,
  };
}

export function artifactFixture(path: string, text: string, pointKey = "clients=4"): TrialArtifact {
  const bytes = Buffer.from(text);
  return {
    key: `${pointKey}/trial-0/attempt-1/${path}`,
    host: path.split("/")[0] ?? "",
    path,
    bytes: bytes.length,
    sha256: sha256Hex(bytes),
    open: async function* () {
      yield bytes;
    },
  };
}
