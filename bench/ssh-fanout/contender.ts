/** Our side of the comparison, as a program: one command on all hosts, then again on the open connections. */
import { readFileSync } from "node:fs";
import { systemClock } from "../../engines/clock/system-clock.ts";
import type { HostAddress, RemoteTask } from "../../core/ports/transport.ts";
import { dialTcp, expectSuccess, forEachHost, SshTransport } from "../../transports/ssh/index.ts";

interface Setup {
  readonly hosts: readonly HostAddress[];
  readonly keyFile: string;
  readonly concurrency: number;
  readonly repeats: number;
}

const task: RemoteTask<string> = { argv: ["true"], timeoutMs: 60_000, idempotent: true, parse: String };

async function main(): Promise<void> {
  const setup = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as Setup; // written by run.ts
  const privateKey = readFileSync(setup.keyFile, "utf8");
  const transport = new SshTransport({ privateKey: () => privateKey }, { clock: systemClock, dial: dialTcp });
  const timesMs: number[] = [];
  for (let pass = 0; pass <= setup.repeats; pass++) {
    const startedAt = performance.now();
    await forEachHost(setup.hosts, async (host) => expectSuccess(await transport.run(host, task)), {
      concurrency: setup.concurrency,
      deadlineMs: 300_000,
      clock: systemClock,
    });
    timesMs.push(performance.now() - startedAt);
  }
  process.stdout.write(`${JSON.stringify({ timesMs })}\n`);
  await transport.close();
}

void main();
