import fc from "fast-check";
import {
  deploymentTags,
  escapeTagValue,
  expiryTag,
  fromTags,
  toTags,
  unescapeTagValue,
} from "../../../providers/cloud/identity-tags.ts";
import type { ResourceIdentity } from "../../../providers/cloud/identity-tags.ts";

const identity: ResourceIdentity = {
  deployment: "quickstart-261121-0522-abcd-main-1",
  runId: "quickstart-261121-0522-abcd",
  owner: "Ada.Lovelace@example.org",
  name: "quickstart-261121-0522-abcd-main-1-r0-server-0",
  round: 0,
  role: "server",
  createdAt: 1_795_238_400_000,
  expiresAt: 1_795_245_600_000,
};

describe("toTags", () => {
  it("writes pairs that every cloud takes", () => {
    expect(toTags(identity)).toEqual({
      "reprise-deployment": "quickstart-261121-0522-abcd-main-1",
      "reprise-run": "quickstart-261121-0522-abcd",
      "reprise-owner": "_41da_2e_4covelace_40example_2eorg",
      "reprise-name": "quickstart-261121-0522-abcd-main-1-r0-server-0",
      "reprise-round": "0",
      "reprise-role": "server",
      "reprise-created": "1795238400",
      "reprise-expires": "1795245600",
    });
  });

  it("keeps to Google's rules and reads back the same, whatever the texts are", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 60 });
    const seconds = fc.integer({ min: 0, max: 4_000_000_000 }).map((s) => s * 1000);
    const identities = fc.record<ResourceIdentity>({
      deployment: text,
      runId: text,
      owner: text,
      name: text,
      round: fc.nat(1000),
      role: text,
      createdAt: seconds,
      expiresAt: seconds,
    });
    fc.assert(
      fc.property(identities, (any) => {
        const tags = toTags(any);
        for (const [key, value] of Object.entries(tags)) {
          expect(key).toMatch(/^[a-z][a-z0-9_-]{0,62}$/);
          expect(value).toMatch(/^[a-z0-9_-]{0,63}$/);
        }
        expect(fromTags(tags)).toEqual(any);
      }),
      { seed: 3 },
    );
  });

  it("never lets a resource expire before its time", () => {
    expect(fromTags({ ...toTags(identity), ...expiryTag(1_500) })?.expiresAt).toBe(2_000);
  });
});

describe("fromTags", () => {
  it("knows nothing of what isn't ours", () => {
    expect(fromTags({ Name: "web", "reprise-expires": "1" })).toBeUndefined();
  });

  it("leaves out what is missing or was changed by hand", () => {
    expect(fromTags({ "reprise-deployment": "d", "reprise-expires": "never", "reprise-owner": "Ada" })).toEqual({
      deployment: "d",
    });
  });

  it("finds tags whose names another tool wrote in capitals", () => {
    expect(fromTags({ "Reprise-Deployment": "d", "REPRISE-RUN": "r" })).toEqual({ deployment: "d", runId: "r" });
  });
});

describe("deploymentTags", () => {
  it("are among the pairs of everything that the deployment has", () => {
    const long = { ...identity, deployment: "x".repeat(100) };
    expect(Object.keys(deploymentTags(long.deployment))).toEqual(["reprise-deployment", "reprise-deployment-2"]);
    expect(toTags(long)).toMatchObject(deploymentTags(long.deployment));
  });
});

describe("unescapeTagValue", () => {
  it("refuses what was never escaped", () => {
    expect(unescapeTagValue("_zz")).toBeUndefined();
    expect(unescapeTagValue("Ada")).toBeUndefined();
    expect(unescapeTagValue("_ff")).toBeUndefined();
    expect(unescapeTagValue(escapeTagValue("a_b"))).toBe("a_b");
  });
});
