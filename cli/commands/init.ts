import { cp, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { FailureError } from "../../core/errors/failure.ts";
import { packageRoot } from "../../engines/embedded/package-files.ts";
import type { CommandContext } from "../context.ts";

/** The quickstart is what a new experiment begins as: small, real, and it runs at once. */
const template = join(packageRoot(), "experiments", "quickstart");

export async function init({ output }: CommandContext, folder: string): Promise<number> {
  const name = basename(resolve(folder));
  if (!/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(name)) {
    throw new FailureError({
      class: "invalid",
      message: `"${name}" can't name an experiment`,
      hint: "small letters, digits and hyphens",
    });
  }
  const there = await readdir(folder).catch(() => []);
  if (there.length > 0)
    throw new FailureError({ class: "invalid", message: `${folder} is not empty`, hint: "name a new folder" });
  await mkdir(folder, { recursive: true });
  await cp(template, folder, { recursive: true });
  const definition = join(folder, "experiment.yaml");
  const text = await readFile(definition, "utf8");
  await writeFile(definition, text.replace(/^name: .*$/m, `name: ${name}`).replace(/^# yaml-language-server.*\n/, ""));
  output.result({ folder, name });
  output.line(`${folder} is an experiment: a log server, closed-loop clients, a sweep over clients, three figures`);
  output.line(`  reprise run ${folder}      runs it on this machine`);
  output.line(`  ${definition}   says what, in docs/definition.md's words`);
  return 0;
}
