import { bringFetches } from "../../../core/flow/publications.ts";
import { sha256Hex } from "../../../core/evidence/sha256.ts";
import { blobKey, deploymentKeys } from "../../../core/names/keys.ts";
import type { Topology } from "../../../core/plan/types.ts";
import { idleAgent, topologyHostFixture } from "../../support/flow-fixtures.ts";
import { flowWorld, runId } from "./flow-world.ts";

const body = new TextEncoder().encode("binary");
const topology: Topology = {
  schema: "reprise/topology@1",
  deployment: "main",
  deploymentId: "d1",
  round: 0,
  hosts: ["maker-0", "taker-0", "taker-1"].map((name) => topologyHostFixture({ name })),
};
const fetch = (secret: boolean) => ({
  name: "binary",
  fromHost: "maker-0",
  fromPath: "shared/bin/server",
  path: "shared/server",
  mode: "755",
  secret,
});
const stepsOf = (secret: boolean) =>
  ["taker-0", "taker-1"].map((host) => ({ host, units: [], collect: [], fetches: [fetch(secret)] }));

async function brought(secret: boolean) {
  const read: string[] = [];
  const put: string[] = [];
  const world = await flowWorld({
    agent: (host) => ({
      ...idleAgent(),
      read: async function* (folder: string, path: string) {
        read.push(`${host}:${folder}|${path}`);
        yield body.subarray(0, 2);
        yield body.subarray(2);
      },
      putFile: async (path: string, content: Uint8Array, mode: string) => {
        put.push(`${host}:${path} ${mode} ${new TextDecoder().decode(content)}`);
      },
    }),
  });
  await bringFetches(stepsOf(secret), topology, runId, world.fx);
  return { world, read, put };
}

describe("bringFetches", () => {
  it("reads a publication once, as a path below a folder, and puts it on every host that takes it", async () => {
    const { read, put } = await brought(false);
    expect(read).toEqual(["maker-0:shared|bin/server"]);
    expect(put).toEqual(["taker-0:shared/server 755 binary", "taker-1:shared/server 755 binary"]);
  });

  it("keeps it by digest, with a record of whose it was", async () => {
    const { world } = await brought(false);
    expect((await world.store.get(blobKey(sha256Hex(body))))?.body).toEqual(body);
    expect(await world.read(deploymentKeys(runId, "d1").published("binary"))).toMatchObject({
      host: "maker-0",
      sha256: sha256Hex(body),
      bytes: 6,
    });
  });

  it("writes nothing of a secret", async () => {
    const { world, put } = await brought(true);
    expect(put).toHaveLength(2);
    expect(await world.keys("")).toEqual(await (await flowWorld()).keys(""));
  });
});
