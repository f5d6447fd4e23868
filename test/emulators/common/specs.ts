import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * Beside the repository, or where REPRISE_APISPECS says: taken from public sources, too large to keep in the repository
 * (its README tells origins and licences).
 */
const folder =
  process.env["REPRISE_APISPECS"] ?? fileURLToPath(new URL("../../../../shared/apispecs", import.meta.url));

const built = new Map<string, unknown>();
let warned = false;

/**
 * A check built from one of the clouds' own descriptions, once a process: they are large. Undefined when the folder
 * isn't there, and then said once on stderr: everything works, but nothing holds requests and answers against the
 * clouds' words.
 *
 * @param file relative to the folder, such as `aws/ec2-2016-11-15.subset.json`
 * @param build always the same for the same file
 */
export function checkFrom<T>(file: string, build: (description: unknown) => T): T | undefined {
  if (!existsSync(folder)) {
    if (!warned) process.stderr.write(`emulators: validation is off, ${folder} is missing\n`);
    warned = true;
    return undefined;
  }
  if (!built.has(file)) built.set(file, build(JSON.parse(readFileSync(`${folder}/${file}`, "utf8"))));
  return built.get(file) as T; // what the same build made
}

/** Whether requests and answers are checked here; tests of the checking itself skip where they are not. */
export const specsPresent = existsSync(folder);
