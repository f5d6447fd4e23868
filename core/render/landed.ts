import { globToPattern } from "../supervision/glob.ts";
import type { LandedFiles } from "../plan/types.ts";
import { unitOfPath } from "./processes.ts";

/** One landed file of a service's or job's process. */
export interface LandedFile {
  readonly host: string;
  readonly path: string;
  readonly bytes: number;
  readonly unit: string;
}

/** The landed files of that name of all processes of a service or job, in the order of hosts and paths. */
export function filesOf(files: LandedFiles, from: string, file: string): LandedFile[] {
  const isOutput = file === "stdout" || file === "stderr";
  const pattern = isOutput ? undefined : new RegExp(globToPattern(file), "u");
  const matches = (path: string, unit: string): boolean => {
    if (file === "stdout") return path === `${unit}.out`;
    if (file === "stderr") return path === `${unit}.err`;
    return path.startsWith(`${unit}/`) && pattern?.test(path.slice(unit.length + 1)) === true;
  };
  return files
    .list()
    .flatMap((entry) => {
      const unit = unitOfPath(entry.path, from);
      return unit !== undefined && matches(entry.path, unit) ? [{ ...entry, unit }] : [];
    })
    .sort((a, b) => compareText(a.host, b.host) || compareText(a.path, b.path));
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
