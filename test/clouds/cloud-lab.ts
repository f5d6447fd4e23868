/** The three served clouds, and the command line that believes in them. */
import type { z } from "zod";
import { openStore } from "../../cli/home.ts";
import { listKeys, requireRecord } from "../../core/flow/effects.ts";
import { hostFactsSchema, receiptSchema } from "../../core/records/schemas.ts";
import type { Receipt } from "../../core/records/schemas.ts";
import { openStoredRun } from "../../engines/embedded/world.ts";
import { Installation } from "../cli/installation.ts";
import type { Emulator } from "../emulators/cloud.ts";
import type { RealHosts } from "../emulators/hosts/real-hosts.ts";
import type { ServedClouds, ServedCloudsOptions } from "./served-clouds.ts";
import { serveClouds } from "./served-clouds.ts";

export interface LabOptions extends ServedCloudsOptions {
  /** In place of variables that would tell the clouds who we are. */
  readonly env?: Readonly<Record<string, string>>;
}

export type HostFactsRecord = z.output<typeof hostFactsSchema>;

export class CloudLab {
  readonly emulator: Emulator;
  readonly hosts: RealHosts;
  readonly installation: Installation;
  private readonly clouds: ServedClouds;

  private constructor(clouds: ServedClouds, installation: Installation) {
    this.clouds = clouds;
    this.emulator = clouds.emulator;
    this.hosts = clouds.hosts;
    this.installation = installation;
  }

  static async open({ env: changed, ...options }: LabOptions = {}): Promise<CloudLab> {
    // First, for its build may fail; what its commands are to believe is known only when the clouds listen.
    const installation = new Installation();
    const clouds = await serveClouds(options);
    installation.setEnv({ ...clouds.environment, ...changed });
    return new CloudLab(clouds, installation);
  }

  /** What became of each deployment of a run, in the order in which they were made. */
  async receipts(runId: string): Promise<readonly Receipt[]> {
    const store = openStore(this.installation.home);
    const found: Receipt[] = [];
    for (const key of await listKeys(store, `runs/${runId}/deployments/`))
      if (key.endsWith("/receipt.json")) found.push(await requireRecord(store, key, receiptSchema));
    return found;
  }

  /** The images that a run's plan asks for, each once. */
  async plannedImages(runId: string): Promise<readonly string[]> {
    const { plan } = await openStoredRun(runId, openStore(this.installation.home));
    return [...new Set(plan.deployments.flatMap(({ hosts }) => hosts.map(({ shape }) => shape.image)))];
  }

  /** What a host said of itself when it was ready. */
  async hostFacts(runId: string): Promise<readonly HostFactsRecord[]> {
    const store = openStore(this.installation.home);
    const found: HostFactsRecord[] = [];
    for (const key of await listKeys(store, `runs/${runId}/deployments/`))
      if (/\/facts\/[^/]+\.json$/.test(key)) found.push(await requireRecord(store, key, hostFactsSchema));
    return found;
  }

  /** @see ServedClouds.leftovers */
  leftovers(): readonly string[] {
    return this.clouds.leftovers();
  }

  async close(): Promise<void> {
    this.installation.remove();
    await this.clouds.close();
  }
}
