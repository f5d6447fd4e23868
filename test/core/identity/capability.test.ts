import fc from "fast-check";
import { buildCapability, verifyCapability } from "../../../core/identity/index.ts";
import type { Capability } from "../../../core/identity/index.ts";

const secret = Buffer.alloc(32, 7);
const capability: Capability = {
  scope: { kind: "attempt", attempt: { runId: "r1", pointKey: "clients=4", trialIndex: 0, attempt: 2 } },
  host: "server-0",
  expiresAt: 2_000,
};

describe("buildCapability", () => {
  it("gives one string for one capability, safe in headers, URLs and shells", () => {
    const token = buildCapability(secret, capability);
    const reordered = { expiresAt: 2_000, host: "server-0", scope: capability.scope };
    expect(buildCapability(secret, reordered)).toBe(token);
    expect(token).toMatch(/^[A-Za-z0-9._-]+$/);
  });
});

describe("verifyCapability", () => {
  it.each<[string, Capability["scope"]]>([
    ["an attempt", capability.scope],
    ["a deployment's set-up", { kind: "deployment", runId: "r1", deployment: "main", attempt: 1 }],
  ])("reads what was built for %s", (_, scope) => {
    const given = { ...capability, scope };
    expect(verifyCapability(secret, buildCapability(secret, given), 1_999)).toEqual({
      kind: "valid",
      capability: given,
    });
  });

  it("refuses it from its end on, and says whose it was", () => {
    const verdict = verifyCapability(secret, buildCapability(secret, capability), 2_000);
    expect(verdict).toEqual({ kind: "expired", capability });
  });

  it("refuses another installation's", () => {
    expect(verifyCapability(Buffer.alloc(32, 8), buildCapability(secret, capability), 0).kind).toBe("forged");
  });

  it("refuses one signature on another statement", () => {
    const [, , mac] = buildCapability(secret, capability).split(".");
    const [head, payload] = buildCapability(secret, { ...capability, host: "server-1" }).split(".");
    expect(verifyCapability(secret, [head, payload, mac].join("."), 0).kind).toBe("forged");
  });

  it("refuses a token changed at any one place", () => {
    const token = buildCapability(secret, capability);
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.constantFrom(...Array.from("AZaz09_-.~")), (at, letter) => {
        fc.pre(token[at] !== letter);
        const changed = token.slice(0, at) + letter + token.slice(at + 1);
        expect(verifyCapability(secret, changed, 0).kind).toMatch(/^(forged|malformed)$/);
      }),
      { numRuns: 500, seed: 7 },
    );
  });

  it.each(["", "c1..", "c2.e30.AAAA", "Bearer x"])("refuses %j as malformed", (token) => {
    expect(verifyCapability(secret, token, 0).kind).toBe("malformed");
  });
});
