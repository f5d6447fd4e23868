import { readFileSync } from "node:fs";
import { arch, cpus, totalmem } from "node:os";
import { join } from "node:path";
import { FailureError } from "../core/errors/failure.ts";
import { messageOf } from "../core/errors/reprise-error.ts";
import type { MachineCatalogue } from "../core/plan/catalogue.ts";
import { composeCatalogues, ownMachines } from "../core/plan/catalogue.ts";
import { homePaths } from "../engines/embedded/home.ts";
import type { Cloud, PriceTable } from "../providers/catalogue/index.ts";
import { parseHome } from "./deployed/place.ts";
import { Prices, cloudMachines, clouds, knownPrices, priceTableSchema } from "../providers/catalogue/index.ts";

/** Where `reprise prices` keeps what it read: one dated table a cloud, beside a folder's store or in the usual folder. */
export const priceFile = (home: string, cloud: Cloud): string => {
  const place = parseHome(home, process.env);
  return join(homePaths(place.kind === "folder" ? place.path : ".reprise").root, "prices", `${cloud}.json`);
};

/** Refreshed tables first, then those that ship with the code. */
export const readPrices = (home: string): Prices =>
  new Prices([...clouds.flatMap((cloud) => readTable(priceFile(home, cloud))), ...knownPrices()]);

function readTable(file: string): PriceTable[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return []; // node:fs errors carry a code
    throw error;
  }
  try {
    return [priceTableSchema.parse(JSON.parse(text))];
  } catch (error) {
    throw new FailureError({
      class: "invalid",
      message: `${file} is not a table of prices: ${messageOf(error).slice(0, 300)}`,
      hint: "`reprise prices` writes it anew; without it the prices that ship with reprise count",
    });
  }
}

/** This machine and the three clouds. */
export const knownMachines = (prices: Prices): MachineCatalogue =>
  composeCatalogues(
    ownMachines({
      architecture: arch() === "arm64" ? "arm64" : "x86_64",
      vcpus: cpus().length,
      memoryBytes: totalmem(),
    }),
    [{ providers: clouds, catalogue: cloudMachines(prices) }],
  );
