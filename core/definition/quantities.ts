import { RepriseError } from "../errors/reprise-error.ts";

/** A text that isn't an amount with its unit. */
export class QuantityError extends RepriseError {
  override readonly name = "QuantityError";
}

const durations: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizes: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
};
const rates: Readonly<Record<string, number>> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 };

function parseAmount(text: string, units: Readonly<Record<string, number>>, what: string, example: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*$/.exec(text);
  const factor = match?.[2] === undefined ? undefined : units[match[2]];
  if (match?.[1] === undefined || factor === undefined) {
    throw new QuantityError(`not ${what} with its unit: ${JSON.stringify(text)}`, {
      hint: `write a number and one of ${Object.keys(units).join(", ")}: ${example}`,
    });
  }
  return Number(match[1]) * factor;
}

/** `90s`, `5m`, `1.5h` in milliseconds. */
export const parseDurationMs = (text: string): number => Math.round(parseAmount(text, durations, "a time", "`90s`"));

/** `512MiB`, `4 GiB`, `2TB` in bytes. */
export const parseSizeBytes = (text: string): number => Math.round(parseAmount(text, sizes, "a size", "`4GiB`"));

/** `10mbit` in bits per second. */
export const parseRateBitsPerSec = (text: string): number => Math.round(parseAmount(text, rates, "a rate", "`10mbit`"));

/** `1%`, `0.5%` as a share of one. */
export function parseShare(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(text);
  const percent = Number(match?.[1]);
  if (match === null || percent > 100) {
    throw new QuantityError(`not a share in percent: ${JSON.stringify(text)}`, { hint: "write it as `1%`" });
  }
  return percent / 100;
}
