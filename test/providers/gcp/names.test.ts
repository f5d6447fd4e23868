import fc from "fast-check";
import { seededRandom } from "../../../core/effects/random.ts";
import type { Intent } from "../../../core/ports/provider.ts";
import {
  describe as describeIntent,
  hostOf,
  instanceName,
  isOfPlace,
  namesOf,
  newRequestId,
  parseDescription,
  parseName,
  requestIdOf,
  stemOf,
  subnetRange,
  unlabelledKinds,
  unlabelledName,
} from "../../../providers/gcp/names.ts";
import { deploymentIntents } from "./gcp-world.ts";

const google = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
const base = deploymentIntents("d1", 1)[1]!;
const intentOf = (deployment: string, round: number, host: string): Intent => ({
  ...base,
  deployment,
  round,
  name: `${deployment}-r${round}-${host}`,
});

const texts = fc.oneof(
  fc.string({ unit: fc.constantFrom(...Array.from("abz019-_.AZé")), minLength: 1, maxLength: 80 }),
  fc.constantFrom("d1", "d1--r0-x", "quickstart-260101-0000-abcd-main-1", "-", "é"),
);

describe("names on Google", () => {
  it("are Google's, whatever the deployment and the host are called, and read back", () => {
    fc.assert(
      fc.property(texts, fc.nat(49), texts, (deployment, round, host) => {
        const intent = intentOf(deployment, round, host);
        const name = instanceName(intent);
        expect(name).toMatch(google);
        expect(`${name}-d12`).toMatch(google); // its disks'
        expect(parseName(name)).toMatchObject({ stem: stemOf(deployment), round, kind: undefined });
        for (const kind of unlabelledKinds) {
          const other = unlabelledName(intent, kind);
          expect(other).toMatch(google);
          const expiresAt = Math.ceil(intent.expiresAt / 1000) * 1000;
          expect(parseName(other)).toMatchObject({ stem: stemOf(deployment), round, kind, expiresAt });
          const code = parseName(other)?.place;
          expect(isOfPlace(code, intent.place)).toBe(true);
          const far = { region: "europe-west1", zone: "europe-west1-b" };
          expect(isOfPlace(code, far)).toBe(kind === "net");
          expect(isOfPlace(code, { ...intent.place, zone: "us-central1-b" })).toBe(kind === "net" || kind === "sub");
        }
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  it("keep deployments and hosts apart", () => {
    fc.assert(
      fc.property(texts, texts, texts, texts, (d1, h1, d2, h2) => {
        fc.pre(d1 !== d2 || h1 !== h2);
        const [one, two] = [instanceName(intentOf(d1, 0, h1)), instanceName(intentOf(d2, 0, h2))];
        expect(one).not.toBe(two);
        if (d1 !== d2) expect(new RegExp(`^(?:${namesOf(d1)})$`).test(two)).toBe(false);
      }),
      { numRuns: 500, seed: 6 },
    );
  });

  it("show deployment and host where they fit", () => {
    const intent = intentOf("quickstart-260101-0000-abcd-main-1", 2, "server-0");
    expect(instanceName(intent)).toBe("rp-quickstart-260101-0000-abcd-main-1--r2-server-0");
    expect(hostOf(intent)).toBe("server-0");
    expect(hostOf({ ...intent, name: "of another form" })).toBe("server-0");
    expect(unlabelledName(intent, "ssh")).toBe("rp-quickstart-260101-0000-abcd-main-1--r2-t85us0-dedia-ssh");
  });

  it.each(["default-allow-ssh", "rp-x", "rp--r0-", "gke-rp-a"])("are not found in %s", (name) => {
    expect(parseName(name)).toBeUndefined();
  });
});

describe("subnetRange", () => {
  // @see https://cloud.google.com/compute/docs/regions-zones, as of 2025
  const regions = [
    ...["africa-south1", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3"],
    ...["asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2", "australia-southeast1"],
    ...["australia-southeast2", "europe-central2", "europe-north1", "europe-north2", "europe-southwest1"],
    ...["europe-west1", "europe-west2", "europe-west3", "europe-west4", "europe-west6", "europe-west8"],
    ...["europe-west9", "europe-west10", "europe-west12", "me-central1", "me-central2", "me-west1"],
    ...["northamerica-northeast1", "northamerica-northeast2", "northamerica-south1", "southamerica-east1"],
    ...["southamerica-west1", "us-central1", "us-east1", "us-east4", "us-east5", "us-south1", "us-west1"],
    ...["us-west2", "us-west3", "us-west4"],
  ];

  it("gives each of Google's regions a range of its own", () => {
    const ranges = regions.map(subnetRange);
    expect(ranges.every((range) => /^10\.\d{1,3}\.\d{1,3}\.0\/20$/.test(range))).toBe(true);
    expect(new Set(ranges).size).toBe(regions.length);
  });
});

describe("descriptions", () => {
  it("say whose it is, and go round", () => {
    const intent = intentOf("d1", 0, "x");
    expect(parseDescription(describeIntent(intent, 5))).toEqual({
      deployment: "d1",
      runId: "r1",
      owner: "tester",
      name: "d1-r0-x",
      createdAt: 5,
      region: "us-central1",
      zone: "us-central1-a",
    });
    expect(describeIntent(intent, 5).length).toBeLessThan(2048);
  });

  it.each([undefined, "", "mine", "reprise {", 'reprise {"deployment":1}'])("are not read from %j", (text) => {
    expect(parseDescription(text)).toBeUndefined();
  });
});

describe("request ids", () => {
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[48][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

  it("of creates are the same for the same intent and thing, and only for these", () => {
    const id = requestIdOf("d1-r0-server-0", "zones/z/instances/i");
    expect(id).toMatch(uuid);
    expect(requestIdOf("d1-r0-server-0", "zones/z/instances/i")).toBe(id);
    expect(requestIdOf("d1-r1-server-0", "zones/z/instances/i")).not.toBe(id);
    expect(requestIdOf("d1-r0-server-0", "zones/z/instances/j")).not.toBe(id);
  });

  it("of other changes are drawn anew", () => {
    const random = seededRandom(1);
    const ids = Array.from({ length: 100 }, () => newRequestId(random));
    expect(ids.every((id) => uuid.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(100);
  });
});
