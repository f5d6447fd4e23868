import { randomUUID } from "node:crypto";
import { parseDurationMs } from "../../core/definition/quantities.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { extendRun } from "../../core/flow/extend.ts";
import { systemClock } from "../../engines/clock/system-clock.ts";
import { mayNeedSsm } from "../../engines/embedded/clouds.ts";
import { openStoredRun } from "../../engines/embedded/world.ts";
import { findRun, openStore } from "../home.ts";
import type { CommandContext } from "../context.ts";
import { openTransport } from "../open-transport.ts";
import { openOwnProviders } from "../own-providers.ts";
import { duration } from "../output.ts";

/** Lets a run's hosts live so long from now, at least. */
export async function extend({ output, home }: CommandContext, name: string, wish: string): Promise<number> {
  const store = openStore(home);
  const runId = await findRun(store, name);
  const now = systemClock.now();
  const until = now + wishMs(wish);
  const { plan } = await openStoredRun(runId, store);
  const { providers, refused } = await openOwnProviders(home, await openTransport(home, runId, mayNeedSsm(plan)));
  const extended = await extendRun(runId, until, {
    store,
    clock: systemClock,
    newId: randomUUID,
    openRun: (id) => openStoredRun(id, store),
    provider: (wanted) => {
      const provider = providers.find((one) => one.name === wanted);
      if (provider !== undefined) return provider;
      const why = refused.find(({ cloud }) => cloud === wanted)?.failure;
      throw new FailureError(
        why ?? {
          class: "auth",
          message: `${runId} has hosts on ${wanted}, and nothing here says who we are there`,
          hint: "set the credentials that the run was started with",
        },
      );
    },
  });
  output.result({
    runId,
    deployments: extended.map((one) => ({
      ...one,
      from: new Date(one.from).toISOString(),
      until: new Date(one.until).toISOString(),
    })),
  });
  for (const one of extended) {
    const instant = `${new Date(one.until).toISOString()} (in ${duration(one.until - now)})`;
    output.line(`${one.deploymentId}: ${one.until === one.from ? "lives already" : "lives"} until ${instant}`);
  }
  return 0;
}

function wishMs(wish: string): number {
  try {
    return parseDurationMs(wish);
  } catch {
    throw new FailureError({
      class: "invalid",
      message: `not a time with its unit: "${wish}"`,
      hint: "such as `90m` or `12h`",
    });
  }
}
