import { activityText, readActivity } from "../../../core/flow/host-activity.ts";
import { toBytes } from "../../../core/flow/effects.ts";
import type { AttemptRef, PhaseRef } from "../../../core/names/keys.ts";
import { hostStepId, phaseKeys } from "../../../core/names/keys.ts";
import { MemoryStore } from "../../../stores/memory/memory-store.ts";

const attempt: AttemptRef = { runId: "r", pointKey: "p", trialIndex: 0, attempt: 1 };
const phaseRef = (phase: PhaseRef["phase"], stage = 0): PhaseRef => ({
  scope: { kind: "attempt", attempt },
  phase,
  stage,
});

describe("readActivity", () => {
  const store = new MemoryStore({ clock: { now: () => 0 } });
  const begin = (ref: PhaseRef, hosts: Readonly<Record<string, "required" | "guard">>): Promise<unknown> =>
    store.putIfAbsent(phaseKeys(ref).expected, toBytes({ hosts, output: { stage: 1, more: false } }), "e");
  const end = (ref: PhaseRef, host: string): Promise<unknown> => {
    const result = { stepId: hostStepId(ref), host, units: [], artifacts: [], missing: [], warnings: [] };
    return store.putIfAbsent(phaseKeys(ref).done(host), toBytes({ ...result, startedAt: 0, endedAt: 1 }), host);
  };
  const text = async (): Promise<string> => activityText(await readActivity(attempt, store));

  it("says what each host does in the newest phase", async () => {
    expect(await text()).toBe("");
    await begin(phaseRef("reset"), { "server-0": "required", "client-0": "required", "client-1": "required" });
    expect(await text()).toBe("3 hosts resetting");
    await begin(phaseRef("services"), { "server-0": "required" });
    expect(await text()).toBe("server-0 starting services");
    await begin(phaseRef("jobs"), { "server-0": "guard", "client-0": "required", "client-1": "required" });
    expect(await text()).toBe("server-0 serving; client-0, client-1 running jobs");
    await end(phaseRef("jobs"), "client-1");
    expect(await text()).toBe("server-0 serving; client-0 running jobs; client-1 waiting");
    await begin(phaseRef("collect"), { "server-0": "required", "client-0": "required", "client-1": "required" });
    expect(await text()).toBe("3 hosts collecting");
  });
});
