import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../../../core/effects/random.ts";
import type { Intent, ResourceState } from "../../../core/ports/provider.ts";
import { systemClock } from "../../../engines/clock/system-clock.ts";
import { createAwsClients, createAwsProvider } from "../../../providers/aws/index.ts";
import type { AwsClients, AwsProvider } from "../../../providers/aws/index.ts";
import { askFor, never, place, region } from "./aws-world.ts";

/**
 * The provider's scenarios against somebody else's EC2 over real HTTP, as far as moto goes: it honours no client token,
 * refuses nothing for capacity, shows everything at once, and has no placement groups.
 */
const moto = "moto[ec2,server]==5.2.4";
const installMs = 300_000;

/** moto's server: REPRISE_MOTO, or a fresh environment from PyPI. */
function motoServer(environment: string): string {
  const given = process.env["REPRISE_MOTO"];
  if (given !== undefined && existsSync(given)) return given;
  execFileSync("python3", ["-m", "venv", environment], { timeout: installMs });
  execFileSync(join(environment, "bin", "pip"), ["install", "--quiet", moto], { timeout: installMs });
  return join(environment, "bin", "moto_server");
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });

async function until<T>(what: () => Promise<T | undefined>): Promise<T> {
  const deadline = systemClock.now() + 60_000;
  for (;;) {
    const found = await what();
    if (found !== undefined) return found;
    if (systemClock.now() > deadline) throw new Error("did not happen within a minute");
    await systemClock.sleep(200);
  }
}

describe("AwsProvider against moto", () => {
  const environment = mkdtempSync(join(tmpdir(), "reprise-moto-"));
  let server: ChildProcess;
  let clients: AwsClients;
  let provider: AwsProvider;

  beforeAll(async () => {
    const program = motoServer(environment);
    const port = await freePort();
    server = spawn(program, ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
    const endpoint = `http://127.0.0.1:${port}`;
    await until(async () =>
      fetch(`${endpoint}/moto-api/`).then(
        () => true,
        () => undefined,
      ),
    );
    clients = createAwsClients({ endpoint, credentials: { accessKeyId: "test", secretAccessKey: "test" } });
    // moto hasn't placement groups: an account without any.
    clients.ec2(region).middlewareStack.add(
      (next, context) => async (args) => {
        if (context["commandName"] !== "DescribePlacementGroupsCommand") return next(args);
        return { output: { PlacementGroups: [], $metadata: {} }, response: {} };
      },
      { step: "initialize" },
    );
    const hosts = {
      run: async () => ({
        host: "",
        command: "",
        outcome: "exited" as const,
        exitCode: 0,
        stdout: "",
        stderr: "",
        durationMs: 0,
      }),
    };
    provider = createAwsProvider(
      { clock: systemClock, random: seededRandom(1), ec2: clients.ec2, hosts },
      { homeRegion: region, regions: [region] },
    );
  }, 2 * installMs);

  afterAll(async () => {
    clients.destroy();
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill();
    await ended;
    rmSync(environment, { recursive: true, force: true });
  });

  const intents = (deployment: string): Intent[] =>
    askFor(2, {
      deployment,
      now: systemClock.now(),
      // The newest of Canonical's images that moto has.
      shape: { image: "099720109477/ubuntu/images/hvm-ssd/ubuntu-xenial-16.04-amd64-server-*" },
    });

  const ready = (deployment: string): Promise<readonly ResourceState[]> =>
    until(async () => {
      const states = await provider.observe(deployment, place);
      return states.length === 3 && states.every(({ state }) => state === "ready") ? states : undefined;
    });

  const swept = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const { resourceKind } of provider.sweep({ kind: "all" })) found.push(resourceKind);
    return found.sort();
  };

  it("brings a deployment up, connects it, renews it, and leaves nothing", async () => {
    const outcomes = await provider.ensure(intents("d1"), never);
    expect(outcomes.filter(({ kind }) => kind !== "accepted")).toEqual([]);
    const states = await ready("d1");
    expect(states.find(({ name }) => name === "d1-r0-server-1")).toMatchObject({
      address: { host: "server-1", user: "bench", hostKey: expect.stringMatching(/^SHA256:/) as string },
      facts: { machineType: "c6i.large", zone: place.zone },
    });
    await provider.connect("d1", place, ["203.0.113.7"]);
    await provider.connect("d1", place, ["203.0.113.8"]);
    const expiresAt = systemClock.now() + 7_200_000;
    await provider.extend("d1", place, expiresAt);
    for await (const resource of provider.sweep({ kind: "deployment", deployment: "d1" }))
      expect(resource.expiresAt).toBe(Math.ceil(expiresAt / 1000) * 1000);
    expect(await swept()).toEqual(["instance", "instance", "security-group", "volume", "volume"]);
    await until(async () => {
      await provider.beginDestroy("d1", place);
      return (await swept()).length === 0 ? true : undefined;
    });
    expect((await provider.observe("d1", place)).every(({ state }) => state === "gone")).toBe(true);
  });

  it("adopts a network that is there, reaps by tag alone, and refuses what doesn't exist", async () => {
    await provider.ensure(intents("d2").slice(0, 1), never);
    expect((await provider.ensure(intents("d2"), never)).map(({ kind }) => kind)).toEqual([
      "accepted",
      "accepted",
      "accepted",
    ]);
    await ready("d2");
    await until(async () => {
      for await (const resource of provider.sweep({ kind: "all" })) await provider.destroyResource(resource);
      return (await swept()).length === 0 ? true : undefined;
    });
    await expect(provider.resolveImage(place, "ami-0123456789abcdef0", "x86_64")).rejects.toMatchObject({
      failure: { class: "invalid" },
    });
    const [machine] = await provider.describeMachines(place, ["c6i.large"]);
    expect(machine).toMatchObject({ vcpus: 2, memoryBytes: 4 * 1024 ** 3, architecture: "x86_64" });
  });
});
