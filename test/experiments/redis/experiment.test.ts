import { readFileSync } from "node:fs";
import { loadText } from "../../core/definition/load.ts";
import { commandOf, fileOf, landedFiles, TrialFixture } from "../../core/render/trial-fixture.ts";

const folder = new URL("../../../experiments/redis/", import.meta.url);
const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/redis/${name}`, import.meta.url), "utf8");
const redis = new TrialFixture(
  loadText(readFileSync(new URL("experiment.yaml", folder), "utf8"), (path) =>
    readFileSync(new URL(path, folder), "utf8"),
  ),
);
const withArguments = (text: string | undefined, name: string): string | undefined =>
  new RegExp(` -${name} (\\S+)`).exec(text ?? "")?.[1];

describe("experiments/redis", () => {
  it("plans both sweeps on one server and two client hosts", () => {
    expect(redis.plan.points.map((point) => point.pointKey.split(".")[0])).toEqual([
      ...Array.from({ length: 12 }, () => "payload"),
      ...Array.from({ length: 8 }, () => "clients"),
    ]);
    expect(redis.plan.deployments.map(({ hosts }) => hosts.map((host) => host.name))).toEqual([
      ["server-0", "client-0", "client-1"],
    ]);
  });

  it("gives every client host whole clients, and each client enough full pipelines", () => {
    for (const { pointKey } of redis.plan.points) {
      const job = commandOf(redis.units("jobs", redis.trial(pointKey)).get("set-1"));
      const [clients, pipeline, requests] = ["c", "P", "n"].map((name) => Number(withArguments(job, name)));
      expect([pointKey, Number.isInteger(clients), Number.isInteger(requests)]).toEqual([pointKey, true, true]);
      expect((requests ?? 0) / ((clients ?? 0) * (pipeline ?? 0))).toBeGreaterThanOrEqual(20);
    }
  });

  it("starts a server of its own, fills it, then measures SET, then GET", () => {
    const trial = redis.trial("payload.pipeline=16+payloadBytes=2048");
    const services = redis.units("services", trial);
    const conf = fileOf(services.get("redis-0"), "redis.conf");
    expect(conf).toMatch(/^bind 10\.0\.0\.1$/m);
    expect(conf).toMatch(/^save ""$/m);
    expect(conf).toMatch(/^appendonly no$/m);
    const port = /^port (\d+)$/m.exec(conf)?.[1];
    expect(commandOf(services.get("fill-0"))).toContain(`-p ${port ?? ""} `);
    const jobs = redis.units("jobs", trial);
    expect([...jobs.values()].map(({ name, host, stage }) => [name, host, stage])).toEqual([
      ["set-0", "client-0", 0],
      ["set-1", "client-1", 0],
      ["get-0", "client-0", 1],
      ["get-1", "client-1", 1],
      ["info-0", "server-0", 2],
    ]);
    expect(commandOf(jobs.get("get-1")).replace(/\s*\\?\n\s*/g, " ")).toBe(
      `exec redis-benchmark -h 10.0.0.1 -p ${port ?? ""} -t get -n 106667 -c 16 -P 16 -d 2048 -r 10000 --csv > get.csv`,
    );
  });

  it.each([
    ["off", "no", "everysec"],
    ["everysec", "yes", "everysec"],
    ["always", "yes", "always"],
  ])("turns appendonly %s into the server's settings", (appendonly, isOn, sync) => {
    const { pointKey } = redis.plan.points[0] ?? { pointKey: "" };
    const { parameters } = redis.point(pointKey);
    const trial = redis.trial(pointKey, { parameters: { ...parameters, appendonly } });
    const conf = fileOf(redis.units("services", trial).get("redis-0"), "redis.conf");
    expect(conf).toContain(`\nappendonly ${isOn}\nappendfsync ${sync}\n`);
  });

  describe("a trial's evidence", () => {
    const point = redis.point("clients.pipeline=16+clients=8");
    const set = fixture("set-client-0.csv");
    const whole = {
      "client-0/set-0/set.csv": set,
      "client-1/set-1/set.csv": fixture("set-client-1.csv"),
      "client-0/get-0/get.csv": set.replace('"SET"', '"GET"'),
      "client-1/get-1/get.csv": set.replace('"SET"', '"GET"'),
      "client-0/set-0.err": "",
      "client-1/set-1.err": "",
      "client-0/get-0.err": "",
      "client-1/get-1.err": "",
      "server-0/info-0/info.txt": "# Stats\nevicted_keys:0\nkeyspace_hits:20\nkeyspace_misses:0\n",
    };
    const failed = async (over: Readonly<Record<string, string>>): Promise<string[]> =>
      (await redis.experiment.check(point, landedFiles({ ...whole, ...over })))
        .filter(({ passed }) => !passed)
        .map(({ name }) => name);

    it("passes when all is there", async () => expect(await failed({})).toEqual([]));

    it.each([
      [
        "a GET that found no key",
        { "server-0/info-0/info.txt": "evicted_keys:0\nkeyspace_misses:10\n" },
        ["every-get-found-its-key"],
      ],
      ["an eviction", { "server-0/info-0/info.txt": "evicted_keys:5\nkeyspace_misses:0\n" }, ["nothing-evicted"]],
      ["a client that measured nothing", { "client-1/set-1/set.csv": '"test","rps"\n' }, ["sets-measured"]],
      [
        "a refused request",
        { "client-1/get-1.err": "Error from server: OOM command not allowed\n" },
        ["get-without-errors"],
      ],
    ])("fails on %s", async (_, over, checks) => expect(await failed(over)).toEqual(checks));

    it("is summarised like the figures do it", async () => {
      expect(await redis.experiment.summarize(point, landedFiles(whole))).toEqual({
        setPerSec: 2 * 113912.25,
        getPerSec: 2 * 113912.25,
        getP50Ms: 0.255,
        setP99Ms: 4.207,
        getP99Ms: 4.207,
      });
    });
  });
});
