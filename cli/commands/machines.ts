import { FailureError } from "../../core/errors/failure.ts";
import { parseSizeBytes } from "../../core/definition/quantities.ts";
import type { Cloud, MachineType, NeutralMachine, Prices } from "../../providers/catalogue/index.ts";
import { cloudMachines, clouds, fittingTypes, isCloud } from "../../providers/catalogue/index.ts";
import type { CommandContext } from "../context.ts";
import { table } from "../output.ts";
import { readPrices } from "../prices.ts";
import { dollars } from "./plan.ts";

interface Options {
  readonly vcpu?: string;
  readonly memory?: string;
  readonly arch?: string;
  readonly localDisk?: true;
  readonly on?: string;
  readonly place?: string;
  readonly all?: true;
}

/** Which machine a neutral one becomes on each cloud, with its price; `--all` with what else would fit. */
export async function machines({ output, home }: CommandContext, options: Options): Promise<number> {
  const prices = readPrices(home);
  const neutral = neutralOf(options);
  const asked = cloudsOf(options.on);
  const rows = asked.flatMap((cloud) => choices(cloud, neutral, prices, options));
  output.result(rows);
  if (rows.length === 0) {
    output.line("no machine in the table fits");
    return 0;
  }
  const head = ["", "cloud", "type", "vCPUs", "memory", "local disk", "region", "on demand", "spot", "price"];
  const lines = rows.map((row) => [
    row.isChosen ? "*" : "",
    row.cloud,
    row.type,
    String(row.vcpus),
    `${Number((row.memoryBytes / 2 ** 30).toFixed(1))} GiB`,
    diskText(row.localDisk),
    row.region,
    row.onDemand === "unknown" ? "unknown" : `${dollars(row.onDemand)}/h`,
    row.spot === "unknown" ? "unknown" : `${dollars(row.spot)}/h`,
    row.status === "unknown" ? "" : `${row.status}, ${row.date === "unknown" ? "no known day" : row.date}`,
  ]);
  for (const line of table([head, ...lines], new Set([3, 4, 7, 8]))) output.line(line);
  const sources = new Set(rows.flatMap((row) => (row.source === undefined ? [] : [`${row.cloud}: ${row.source}`])));
  for (const source of sources) output.note(`prices of ${source}`);
  return 0;
}

interface Row extends Pick<MachineType, "cloud" | "type" | "vcpus" | "memoryBytes" | "localDisk"> {
  readonly isChosen: boolean;
  readonly region: string;
  readonly onDemand: number | "unknown";
  readonly spot: number | "unknown";
  readonly status: string;
  readonly source: string | undefined;
  readonly date: string | undefined;
}

function choices(cloud: Cloud, neutral: NeutralMachine, prices: Prices, options: Options): Row[] {
  const region = options.place ?? cloudMachines(prices).defaultPlaces(cloud)[0]?.region ?? "";
  const fitting = fittingTypes(cloud, neutral, region, prices);
  return fitting.slice(0, options.all === true ? fitting.length : 1).map((machine, index) => {
    const { cloud: own, type, vcpus, memoryBytes, localDisk } = machine;
    const price = prices.find(cloud, region, type);
    return { isChosen: index === 0, cloud: own, type, vcpus, memoryBytes, localDisk, region, ...price };
  });
}

function neutralOf({ vcpu, memory, arch, localDisk }: Options): NeutralMachine {
  if (arch !== undefined && arch !== "x86_64" && arch !== "arm64")
    throw new FailureError({ class: "invalid", message: `not an architecture: "${arch}"`, hint: "x86_64 or arm64" });
  const count = vcpu === undefined ? undefined : Number(vcpu);
  if (count !== undefined && !(Number.isInteger(count) && count > 0))
    throw new FailureError({ class: "invalid", message: `not a number of processors: "${vcpu ?? ""}"` });
  return { vcpu: count, memoryBytes: memoryOf(memory), architecture: arch, localDisk: localDisk === true };
}

function memoryOf(memory: string | undefined): number | undefined {
  if (memory === undefined) return undefined;
  try {
    return parseSizeBytes(memory);
  } catch {
    throw new FailureError({
      class: "invalid",
      message: `not a size with its unit: "${memory}"`,
      hint: "such as `16GiB`",
    });
  }
}

export function cloudsOf(on: string | undefined): readonly Cloud[] {
  if (on === undefined) return clouds;
  if (isCloud(on)) return [on];
  throw new FailureError({ class: "invalid", message: `not a cloud: "${on}"`, hint: clouds.join(", ") });
}

const diskText = (disk: MachineType["localDisk"]): string =>
  disk === "none" || disk === "attachable" ? disk : `${disk.disks} x ${Math.round(disk.bytesEach / 1e9)} GB`;
