/**
 * `main.ts CLOUD LANES SEEDS`, both as `1,2,3` or `1-100`: lives these schedules, and prints what became of them as JSON.
 *
 * A process of its own: in a test runner's sandbox a closed connection reaches AWS's SDK as an error of a foreign realm,
 * which it takes for none.
 */
import type { CloudName } from "../../emulators/common/cloud-name.ts";
import { liveSchedules } from "./live-schedules.ts";

const numbersIn = (text = ""): number[] =>
  text.split(",").flatMap((part) => {
    const [first = NaN, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });

const [cloud = "", lanes, seeds] = process.argv.slice(2);
if (!["aws", "azure", "gcp"].includes(cloud)) throw new Error(`no cloud: "${cloud}"`);
const lived = await liveSchedules(numbersIn(seeds), cloud as CloudName, numbersIn(lanes)); // one of the three, as seen above
process.stdout.write(JSON.stringify(lived));
process.exit(0); // engines that died in the middle of a call wait for ever
