import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { sha256Hex } from "../../../core/evidence/sha256.ts";
import { FailureError } from "../../../core/errors/failure.ts";
import type { EmulatorOptions } from "../../emulators/cloud.ts";
import type { SsmWorld } from "./ssm-world.ts";
import { bootMs, leftIn, openSsmWorld, sh } from "./ssm-world.ts";

/** Runs a body on the virtual clock with so many hosts whose agents are online. */
const withHosts =
  (count: number, body: (world: SsmWorld) => Promise<void>, options: Omit<Partial<EmulatorOptions>, "clock"> = {}) =>
  async (): Promise<void> => {
    const world = await openSsmWorld(count, options);
    const stop = new AbortController();
    const driving = world.emulator.drive(stop.signal);
    try {
      await world.clock.run(world.clock.sleep(bootMs).then(() => body(world)));
    } finally {
      stop.abort();
      await driving;
      world.close();
    }
    expect(world.emulator.violations).toEqual([]);
    expect(world.emulator.problems).toEqual([]);
  };

const failureOf = async (work: Promise<unknown>) => {
  const thrown: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return thrown instanceof FailureError ? thrown.failure : thrown;
};

const read = async (source: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/** Text that no compression makes small. */
const noise = (bytes: number): string => randomBytes(bytes).toString("base64");

describe("SsmTransport.run", () => {
  it(
    "gives stdout, stderr and exit code, and hands arguments on as they are",
    withHosts(1, async ({ transport, hosts: [host] }) => {
      const result = await transport().run(host!, sh(`printf '%s|' "$1"; echo oops >&2; exit 7`));
      expect(result).toMatchObject({
        host: "server-0",
        outcome: "exited",
        exitCode: 7,
        stdout: `it's {{ssm:x}} "$HOME" é|`,
        stderr: "oops\n",
      });
      expect(result.durationMs).toBeGreaterThan(0);
    }),
  );

  it(
    "tells an exit code of 255 from a lost connection, and a signal as shells do",
    withHosts(1, async (world) => {
      const [host] = world.hosts;
      const transport = world.transport();
      expect(await transport.run(host!, sh("exit 255"))).toMatchObject({ outcome: "exited", exitCode: 255 });
      expect(await transport.run(host!, sh("kill -9 $$"))).toMatchObject({ outcome: "exited", exitCode: 137 });
      // The agent was killed with the script: the service says 255 of its own, and no report came.
      world.onScript = () => ({ exitCode: 255, stdout: "", stderr: "" });
      expect(await transport.run(host!, sh("true"))).toMatchObject({ outcome: "connectionLost", exitCode: undefined });
    }),
  );

  it(
    "runs in the user's home, with the usual umask",
    withHosts(1, async ({ transport, hosts: [host] }) => {
      const { stdout } = await transport().run(host!, sh('umask; [ "$PWD" -ef "$HOME" ] && id -un'));
      expect(stdout).toBe(`0022\n${host!.user}\n`);
    }),
  );

  // Only root may become somebody else; on a host the agent is root.
  (process.getuid?.() === 0 ? it : it.skip)(
    "runs as the host's user, not as the agent",
    withHosts(1, async ({ transport, hosts: [host] }) => {
      const result = await transport().run({ ...host!, user: "nobody" }, sh('id -un; echo "$USER $LOGNAME"; exit 9'));
      expect(result).toMatchObject({ outcome: "exited", exitCode: 9, stdout: "nobody\nnobody nobody\n" });
    }),
  );

  it(
    "sends the same command to 60 hosts in two calls, each host its own result",
    withHosts(60, async (world) => {
      const transport = world.transport();
      const task = sh('printf %s "$1"; exit 3');
      const results = await Promise.all(world.hosts.map((host) => transport.run(host, task)));
      expect(results.map(({ host, exitCode }) => `${host} ${exitCode ?? ""}`)).toEqual(
        world.hosts.map(({ host }) => `${host} 3`),
      );
      expect(world.calls("SendCommand")).toBe(2);
    }),
    600_000,
  );

  it(
    "keeps other commands apart, and bounds how many are under way",
    withHosts(4, async (world) => {
      const transport = world.transport({ commandsAtOnce: 2 });
      let atOnce = 0;
      let most = 0;
      world.emulator.log.observe((call, moment) => {
        if (call.operation === "SendCommand" && moment === "ended") most = Math.max(most, ++atOnce);
      });
      const done = (): void => void (atOnce -= 1);
      const results = await Promise.all(
        world.hosts.map((host, index) => transport.run(host, sh(`echo ${index}`)).finally(done)),
      );
      expect(results.map(({ stdout }) => stdout)).toEqual(["0\n", "1\n", "2\n", "3\n"]);
      expect(most).toBeLessThanOrEqual(2);
    }),
  );

  it(
    "fetches output beyond the API's limit in pieces, checked, and forgets it on the host",
    withHosts(1, async (world) => {
      const [host] = world.hosts;
      const text = noise(100_000);
      const file = join(world.folderOf(host!), "..", "big");
      writeFileSync(file, text);
      const { stdout } = await world.transport().run(host!, sh(`cat ${file}; echo done >&2`));
      expect(stdout === text).toBe(true);
      expect(world.calls("SendCommand")).toBeGreaterThan(5);
      await world.clock.sleep(10_000);
      expect(leftIn(world.folderOf(host!))).toEqual([]);
    }),
  );

  it("fetches it whole from a bucket, and takes no other bytes for it", async () => {
    const bucket = new Map<string, string>();
    await withHosts(
      1,
      async (world) => {
        const [host] = world.hosts;
        const text = noise(300_000);
        const file = join(world.folderOf(host!), "..", "big");
        writeFileSync(file, text);
        const effects = (change: (body: string) => string) => ({
          bucket: {
            name: "evidence",
            prefix: "ssm/",
            read: async (key: string) => {
              const body = bucket.get(`evidence/${key}`);
              return body === undefined ? undefined : Buffer.from(change(body));
            },
          },
        });
        const honest = await world
          .transport(
            {},
            effects((body) => body),
          )
          .run(host!, sh(`cat ${file}`));
        expect(honest.stdout === text).toBe(true);
        expect([...bucket.keys()][0]).toMatch(
          /^evidence\/ssm\/delivery-1\/[0-9a-f-]+\/i-[0-9a-f]+\/awsrunShellScript\/0.awsrunShellScript\/stdout$/,
        );
        const other = Buffer.from(noise(10)).toString("base64");
        const forged = world
          .transport(
            {},
            effects(() => other),
          )
          .run(host!, sh(`cat ${file}; :`));
        expect(await failureOf(forged)).toMatchObject({ class: "integrity", host: "server-0" });
      },
      { aws: { putObject: async (name, key, body) => void bucket.set(`${name}/${key}`, body) } },
    )();
  });

  it(
    "refuses an answer that is longer than its task allows, and shows the end of a long stderr",
    withHosts(1, async ({ transport, hosts: [host] }) => {
      const long = transport().run(host!, sh("head -c 5000 /dev/zero | tr '\\0' x", { maxOutputBytes: 4_999 }));
      expect(await failureOf(long)).toMatchObject({
        class: "command",
        message: expect.stringContaining("4999") as string,
      });
      const { stderr } = await transport().run(host!, sh("head -c 9000 /dev/zero | tr '\\0' e >&2; echo end >&2"));
      expect(stderr).toMatch(/^\[4908 bytes cut\]\ne+end\n$/);
    }),
  );

  it(
    "never puts stdin that may be secret into parameters",
    withHosts(1, async (world) => {
      const [host] = world.hosts;
      const secret = "hunter2-hunter2-hunter2";
      const stdin = Buffer.from(secret);
      const refused = world.transport().run(host!, sh("cat"), stdin);
      expect(await failureOf(refused)).toMatchObject({
        class: "invalid",
        message: expect.stringContaining("secret") as string,
      });
      expect(world.calls("SendCommand")).toBe(0);

      const file = join(world.folderOf(host!), "..", "offer");
      let revoked = 0;
      const offer = async (body: Uint8Array) => {
        writeFileSync(file, body);
        return { url: pathToFileURL(file).href, revoke: async () => void (revoked += 1) };
      };
      const result = await world.transport({}, { offer }).run(host!, sh("cat"), stdin);
      expect(result).toMatchObject({ outcome: "exited", stdout: secret });
      expect(revoked).toBe(1);
      const sent = world.scripts.map(({ script }) => script).join();
      for (const form of [secret, stdin.toString("base64"), stdin.toString("hex")]) expect(sent).not.toContain(form);

      // Somebody else was there first: the command doesn't run on what came instead.
      const stolen = async () => {
        writeFileSync(file, "gone");
        return { url: pathToFileURL(file).href, revoke: async () => undefined };
      };
      const without = await world.transport({ attempts: 1 }, { offer: stolen }).run(host!, sh("cat"), stdin);
      expect(without).toMatchObject({ outcome: "unreachable", stdout: "" });
    }),
  );

  it(
    "takes public stdin along where it fits a document, and ahead in pieces where it doesn't",
    withHosts(1, async ({ transport, hosts: [host], calls }) => {
      const digest = sh("sha256sum | cut -d' ' -f1", { publicStdin: true });
      for (const [body, commands] of [
        [Buffer.from("line\n".repeat(40_000)), 1],
        // Bytes that don't shrink: in base64 twelve pieces, and the command.
        [randomBytes(500_000), 13],
      ] as const) {
        const before = calls("SendCommand");
        const result = await transport().run(host!, digest, body);
        expect(result).toMatchObject({ outcome: "exited", stdout: `${sha256Hex(body)}\n` });
        expect(calls("SendCommand") - before).toBe(commands);
      }
      expect(await failureOf(transport().run(host!, digest, randomBytes(11_000_000)))).toMatchObject({
        class: "invalid",
        hint: expect.stringContaining("ssh") as string,
      });
    }),
  );

  it(
    "sends a piece again that got lost, and starts nothing where one can't be put there",
    withHosts(1, async (world) => {
      const [host] = world.hosts;
      const digest = sh("sha256sum | cut -d' ' -f1", { publicStdin: true, idempotent: true });
      const body = randomBytes(100_000);
      const isPiece = (script: string): boolean => script.includes("touch");
      let lost = 0;
      world.onScript = (_, script) =>
        isPiece(script) && lost++ === 0 ? { exitCode: 1, stdout: "", stderr: "disk full" } : undefined;
      expect(await world.transport().run(host!, digest, body)).toMatchObject({ stdout: `${sha256Hex(body)}\n` });
      world.onScript = (_, script) => (isPiece(script) ? { exitCode: 1, stdout: "", stderr: "" } : undefined);
      const before = world.scripts.length;
      const failed = await world.transport({ attempts: 1 }).run(host!, digest, body);
      expect(failed).toMatchObject({
        outcome: "unreachable",
        stderr: expect.stringContaining("can't be put there") as string,
      });
      expect(world.scripts.slice(before).every(({ script }) => isPiece(script))).toBe(true);
    }),
  );

  it("says unreachable of a host whose agent isn't there, without keeping others from their command", async () => {
    const world = await openSsmWorld(2);
    try {
      await world.clock.run(
        (async () => {
          const transport = world.transport();
          const [one, two] = world.hosts;
          // Nobody has registered yet: data, for whoever waits.
          expect((await transport.agents(world.hosts)).map((agent) => agent?.status)).toEqual([
            "unregistered",
            "unregistered",
          ]);
          expect(await transport.run(one!, sh("true"))).toMatchObject({
            outcome: "unreachable",
            stderr: expect.stringContaining("unregistered") as string,
          });
          await world.clock.sleep(bootMs);
          expect((await transport.agents(world.hosts)).map((agent) => agent?.status)).toEqual(["online", "online"]);
          const missing = { ...one!, host: "other", address: "i-0123456789abcdef0" };
          const results = await Promise.all([one!, missing, two!].map((host) => transport.run(host, sh("echo up"))));
          expect(results.map(({ outcome }) => outcome)).toEqual(["exited", "unreachable", "exited"]);
          expect(await transport.run({ ...one!, address: "gone" }, sh("true"))).toMatchObject({
            outcome: "unreachable",
          });
          expect(await transport.run({ ...one!, user: "nobody-here" }, sh("true"))).toMatchObject({
            outcome: "unreachable",
            stderr: expect.stringContaining("user") as string,
          });
        })(),
      );
    } finally {
      world.close();
    }
    expect(world.emulator.violations).toEqual([]);
  });

  it(
    "runs a command once, though its sending is repeated for a lost reply",
    withHosts(
      1,
      async (world) => {
        const [host] = world.hosts;
        const marks = join(world.folderOf(host!), "..", "marks");
        const result = await world.transport().run(host!, sh(`echo run >> ${marks}; cat ${marks}`));
        expect(result).toMatchObject({ outcome: "exited", exitCode: 0, stdout: "run\n" });
        expect(world.calls("SendCommand")).toBe(2);
        expect(world.scripts.filter(({ script }) => script.includes("mkdir"))).toHaveLength(2);
      },
      { faults: [{ on: "call", operation: "SendCommand", fault: { kind: "drop", when: "after" } }] },
    ),
  );

  it(
    "finds the end of a command whose report was lost, and begins only what is idempotent anew",
    withHosts(1, async (world) => {
      const [host] = world.hosts;
      const marks = join(world.folderOf(host!), "..", "marks");
      let cut = 1;
      const lose = (): void => {
        const run = world.onScript;
        world.onScript = (vm, script) => {
          const instead = run(vm, script);
          return instead ?? (cut-- > 0 ? { exitCode: 1, stdout: "", stderr: "" } : undefined);
        };
      };
      lose();
      // The first delivery never began on the host: sent again it begins, once.
      expect(await world.transport().run(host!, sh(`echo one >> ${marks}; cat ${marks}`))).toMatchObject({
        stdout: "one\n",
      });
      // A lock without an end: the machine went down in the middle.
      const half = (id: string): void => {
        world.onScript = (_vm, script) => {
          if (!script.includes(`id='${id}'`)) return undefined;
          return { exitCode: 0, stdout: `reprise-ssm 1 ${id} lost\n`, stderr: "" };
        };
      };
      half("delivery-2");
      expect(await world.transport().run(host!, sh(`echo two >> ${marks}`))).toMatchObject({
        outcome: "connectionLost",
      });
      half("delivery-3");
      const again = await world
        .transport()
        .run(host!, sh(`echo three >> ${marks}; cat ${marks}`, { idempotent: true }));
      expect(again).toMatchObject({ outcome: "exited", stdout: "one\nthree\n" });
    }),
  );

  it(
    "ends at the task's time or the caller's word, and cancels the command",
    withHosts(1, async (world) => {
      const [host] = world.hosts;
      const slow = sh("true", { timeoutMs: 500 });
      expect(await world.transport({ pollMs: 5_000 }).run(host!, slow)).toMatchObject({
        outcome: "timedOut",
        durationMs: 500,
      });
      const stop = new AbortController();
      const running = world.transport({ pollMs: 30_000 }).run(host!, sh("true"), undefined, stop.signal);
      await world.clock.sleep(1_000);
      stop.abort();
      expect(await running).toMatchObject({ outcome: "canceled" });
      await world.clock.sleep(1_000);
      expect(world.calls("CancelCommand")).toBe(2);
      const before = world.calls("SendCommand");
      expect(await world.transport().run(host!, sh("true"), undefined, AbortSignal.abort())).toMatchObject({
        outcome: "canceled",
      });
      expect(world.calls("SendCommand")).toBe(before);
    }),
  );

  it(
    "says that it lost a machine that goes in the middle of a command, long before the command's time is up",
    withHosts(1, async (world) => {
      const [host] = world.hosts;
      world.onScript = () => {
        throw new Error("the machine went down"); // no word ever comes
      };
      const running = world.transport({ attempts: 1 }).run(host!, sh("sleep 9", { timeoutMs: 3_600_000 }));
      await world.clock.sleep(5_000);
      await endInstance(world, host!.address);
      const result = await running;
      expect(result.outcome).toBe("connectionLost");
      expect(result.durationMs).toBeLessThan(120_000);
    }),
  );

  it(
    "asks again where Systems Manager is throttled or has hiccups, and says so where it doesn't get through",
    withHosts(
      1,
      async (world) => {
        const [host] = world.hosts;
        expect(await world.transport().run(host!, sh("echo ok"))).toMatchObject({ stdout: "ok\n" });
        world.emulator.faults.add({
          on: "call",
          operation: "SendCommand",
          count: 100,
          fault: { kind: "error", when: "before", status: 400, code: "AccessDeniedException" },
        });
        expect(await failureOf(world.transport().run(host!, sh("true")))).toMatchObject({ class: "auth" });
      },
      {
        faults: [
          {
            on: "call",
            operation: "SendCommand",
            fault: { kind: "error", when: "before", status: 400, code: "ThrottlingException" },
          },
          {
            on: "call",
            operation: "GetCommandInvocation",
            nth: 2,
            fault: { kind: "error", when: "before", status: 500, code: "InternalServerError" },
          },
          { on: "call", operation: "GetCommandInvocation", nth: 3, fault: { kind: "drop", when: "before" } },
        ],
      },
    ),
  );
});

describe("SsmTransport.stream", () => {
  it(
    "gives bytes as they are, whole and checked",
    withHosts(1, async (world) => {
      const [host] = world.hosts;
      const bytes = randomBytes(150_000);
      const file = join(world.folderOf(host!), "..", "bytes");
      writeFileSync(file, bytes);
      expect((await read(world.transport().stream(host!, sh(`cat ${file}`)))).equals(bytes)).toBe(true);
      expect((await read(world.transport().stream(host!, sh("true")))).length).toBe(0);
    }),
  );

  it(
    "rejects with what happened",
    withHosts(1, async (world) => {
      const [host] = world.hosts;
      const transport = world.transport({ piecewiseLimitBytes: 1_000, attempts: 1 });
      const of = (script: string) => failureOf(read(transport.stream(host!, sh(script))));
      expect(await of("echo no >&2; exit 4")).toMatchObject({ class: "command", hint: "no\n" });
      expect(await of("head -c 100000 /dev/urandom")).toMatchObject({
        class: "transport",
        hint: expect.stringContaining("bucket") as string,
      });
      const gone = transport.stream({ ...host!, address: "gone" }, sh("true"));
      expect(await failureOf(read(gone))).toMatchObject({ class: "transport" });
      await transport.close();
      expect(await failureOf(read(transport.stream(host!, sh("true"))))).toMatchObject({ class: "defect" });
    }),
  );
});

async function endInstance(world: SsmWorld, id: string): Promise<void> {
  const { EC2Client, TerminateInstancesCommand } = await import("@aws-sdk/client-ec2");
  const { awsClientSettings, awsRequestHandler } = await import("../../emulators/aws/clients.ts");
  const ec2 = new EC2Client({
    ...awsClientSettings("us-east-1"),
    requestHandler: awsRequestHandler(world.emulator.aws.handle),
  });
  await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
}
