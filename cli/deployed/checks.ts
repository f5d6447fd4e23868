import { FailureError } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";

/** What a doctor found of one thing. */
export interface Finding {
  readonly name: string;
  readonly verdict: "good" | "look" | "bad";
  readonly detail: string;
  /** What to do about it. */
  readonly fix?: string;
}

export interface Check {
  readonly name: string;
  readonly run: () => Promise<Omit<Finding, "name">>;
}

/** Runs every check, one after another; one that throws is bad, with its own hint as the fix. */
export async function runChecks(checks: readonly Check[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { name, run } of checks) {
    try {
      findings.push({ name, ...(await run()) });
    } catch (error) {
      const hint = error instanceof FailureError ? error.hint : undefined;
      findings.push({ name, verdict: "bad", detail: messageOf(error), ...(hint === undefined ? {} : { fix: hint }) });
    }
  }
  return findings;
}

/** Signatures are refused beyond five minutes; evidence's times deserve better. */
const goodSkewMs = 2_000;
const badSkewMs = 240_000;

export function judgeClock(oursMs: number, theirsMs: number): Omit<Finding, "name"> {
  const skewMs = oursMs - theirsMs;
  const detail = `${Math.abs(skewMs / 1000).toFixed(1)} s ${skewMs < 0 ? "behind" : "ahead of"} AWS's`;
  if (Math.abs(skewMs) <= goodSkewMs) return { verdict: "good", detail };
  return { verdict: Math.abs(skewMs) > badSkewMs ? "bad" : "look", detail, fix: "set this machine's clock by NTP" };
}

export function judgeVersion(ours: string, deployed: string): Omit<Finding, "name"> {
  if (ours === deployed) return { verdict: "good", detail: deployed };
  return {
    verdict: "look",
    detail: `deployed ${deployed}, this command line is ${ours}`,
    fix: "`reprise deploy` brings the stack to this version; runs that live go on with theirs",
  };
}

/** `v20.19.0` or newer. */
export function judgeNode(version: string): Omit<Finding, "name"> {
  const [major = 0, minor = 0] = version.replace("v", "").split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return { verdict: "good", detail: version };
  return { verdict: "bad", detail: `${version} is too old`, fix: "install Node 20.19 or newer" };
}
