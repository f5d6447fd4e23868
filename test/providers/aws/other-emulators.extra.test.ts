import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { seededRandom } from "../../../core/effects/random.ts";
import type { Intent, ResourceState } from "../../../core/ports/provider.ts";
import { systemClock } from "../../../engines/clock/system-clock.ts";
import { createAwsClients, createAwsProvider } from "../../../providers/aws/index.ts";
import type { AwsClients, AwsProvider } from "../../../providers/aws/index.ts";
import { ministackProgram, motoProgram } from "../../deployed/rig/python-tools.ts";
import { askFor, never, place, region } from "./aws-world.ts";

/** Both may have to be installed, on a machine that does other things beside. */
const installMs = 1_200_000;

/** Somebody else's EC2, from PyPI. */
interface OtherEmulator {
  readonly name: string;
  /** Its program, installed if need be. */
  readonly install: () => string;
  readonly start: (port: number) => {
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  };
  readonly image: string;
  /** Whether it refuses an image id that it hasn't, as EC2 does. */
  readonly knowsItsImages: boolean;
  readonly hasPlacementGroups: boolean;
  readonly tagsVolumes: boolean;
}

/**
 * The provider's scenarios over real HTTP, as far as these go: neither honours client tokens or refuses anything for
 * capacity, and both show everything at once.
 */
const others: OtherEmulator[] = [
  {
    name: "moto",
    install: motoProgram,
    start: (port) => ({ args: ["-H", "127.0.0.1", "-p", String(port)], env: {} }),
    // The newest of Canonical's images that it has.
    image: "099720109477/ubuntu/images/hvm-ssd/ubuntu-xenial-16.04-amd64-server-*",
    knowsItsImages: true,
    hasPlacementGroups: false,
    tagsVolumes: true,
  },
  {
    name: "ministack",
    install: ministackProgram,
    start: (port) => ({
      args: [],
      env: { GATEWAY_PORT: String(port), BIND_HOST: "127.0.0.1", IOT_MTLS_ENABLED: "0" },
    }),
    image: "ami-0abcdef1234567890",
    knowsItsImages: false,
    hasPlacementGroups: true,
    tagsVolumes: false,
  },
];

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
  const deadline = systemClock.now() + 300_000;
  for (;;) {
    const found = await what();
    if (found !== undefined) return found;
    if (systemClock.now() > deadline) throw new Error("did not happen within five minutes");
    await systemClock.sleep(200);
  }
}

describe.each(others)("AwsProvider against $name", (other) => {
  let server: ChildProcess;
  let clients: AwsClients;
  let provider: AwsProvider;

  beforeAll(async () => {
    const program = other.install();
    const port = await freePort();
    const { args, env } = other.start(port);
    server = spawn(program, args, { stdio: "ignore", env: { ...process.env, ...env } });
    const endpoint = `http://127.0.0.1:${port}`;
    await until(async () =>
      fetch(endpoint).then(
        () => true,
        () => undefined,
      ),
    );
    clients = createAwsClients({ endpoint, credentials: { accessKeyId: "test", secretAccessKey: "test" } });
    if (!other.hasPlacementGroups)
      clients.ec2(region).middlewareStack.add(
        (next, context) => async (call) => {
          if (context["commandName"] !== "DescribePlacementGroupsCommand") return next(call);
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
  }, installMs);

  afterAll(async () => {
    clients.destroy();
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill();
    await ended;
  });

  const intents = (deployment: string): Intent[] =>
    askFor(2, {
      deployment,
      now: systemClock.now(),
      shape: { image: other.image },
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
    const volumes = other.tagsVolumes ? ["volume", "volume"] : [];
    expect(await swept()).toEqual(["instance", "instance", "security-group", ...volumes]);
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
    if (!other.knowsItsImages) return;
    await expect(provider.resolveImage(place, "ami-0123456789abcdef0", "x86_64")).rejects.toMatchObject({
      failure: { class: "invalid" },
    });
    const [machine] = await provider.describeMachines(place, ["c6i.large"]);
    expect(machine).toMatchObject({ vcpus: 2, memoryBytes: 4 * 1024 ** 3, architecture: "x86_64" });
  });
});
