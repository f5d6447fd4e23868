import { accessSync, constants, existsSync, realpathSync, statSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";

/** The first of these programs that is on the PATH, or undefined. */
export function findProgram(names: readonly string[], path: string = process.env["PATH"] ?? ""): string | undefined {
  for (const name of names) {
    for (const folder of path.split(delimiter)) {
      const file = join(folder, name);
      if (folder !== "" && isProgram(file)) return file;
    }
  }
  return undefined;
}

export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

export interface GrafanaProgram {
  readonly argv: readonly [string, ...string[]];
  /** Its own folder, with `conf/defaults.ini` and what browsers get. */
  readonly homePath: string;
}

/** Where packages put what isn't a program. */
const packagedHomes = ["/usr/share/grafana", "/opt/homebrew/share/grafana", "/usr/local/share/grafana"];

/**
 * The Grafana of this machine: unpacked at `folder`, or installed.
 *
 * @returns undefined when there is none, or its own folder can't be found
 */
export function findGrafana(folder: string | undefined, path?: string): GrafanaProgram | undefined {
  const program =
    folder === undefined
      ? findProgram(["grafana", "grafana-server"], path)
      : ["bin/grafana", "bin/grafana-server"].map((name) => resolve(folder, name)).find(isProgram);
  if (program === undefined) return undefined;
  const unpacked = join(dirname(realpathSync(program)), "..");
  const homePath = [unpacked, ...(folder === undefined ? packagedHomes : [])].find((home) =>
    existsSync(join(home, "conf/defaults.ini")),
  );
  if (homePath === undefined) return undefined;
  return { argv: program.endsWith("-server") ? [program] : [program, "server"], homePath };
}
