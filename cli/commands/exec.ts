import { forEachBounded } from "../../core/flow/fan-out.ts";
import type { CommandResult, RemoteTask } from "../../core/ports/transport.ts";
import { hostAddress } from "../../engines/embedded/world.ts";
import { findRun, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";
import { openTransport } from "../open-transport.ts";
import { liveHosts } from "../run-hosts.ts";

/** A command line in one word is the shell's; several words are a command and its arguments, as they are. */
export function argvOf(words: readonly string[]): readonly [string, ...string[]] {
  const [first = "", ...rest] = words;
  return rest.length === 0 ? ["sh", "-c", first] : [first, ...rest];
}

export async function exec(
  context: CommandContext,
  name: string,
  command: readonly string[],
  options: { readonly host?: string[] },
): Promise<number> {
  const { output, home } = context;
  const store = openStore(home);
  const runId = await findRun(store, name);
  const hosts = await liveHosts(store, runId, options.host);
  // Hosts of one deployment, and so with one key; borrowed ones have their lender's.
  const transport = await openTransport(
    home,
    hosts[0]?.loginRunId ?? runId,
    hosts.some(({ ssm }) => ssm !== undefined),
  );
  const results: CommandResult[] = [];
  try {
    const task: RemoteTask<string> = {
      argv: argvOf(command),
      timeoutMs: 600_000,
      idempotent: false,
      maxOutputBytes: 16 * 1024 ** 2,
      parse: (stdout) => stdout,
    };
    await forEachBounded(hosts, 32, async (host) => {
      results.push(await transport.run(hostAddress(host), task));
    });
  } finally {
    await transport.close();
  }
  results.sort((a, b) => (a.host < b.host ? -1 : 1));
  output.result(results);
  for (const result of results) {
    const status = result.outcome === "exited" ? `exit ${result.exitCode ?? "?"}` : result.outcome;
    output.line(`--- ${result.host}: ${status}, ${result.durationMs} ms`);
    if (result.stdout !== "") output.line(result.stdout.trimEnd());
    if (result.stderr !== "") output.line(result.stderr.trimEnd());
  }
  return results.every((r) => r.outcome === "exited" && r.exitCode === 0) ? 0 : 10;
}
