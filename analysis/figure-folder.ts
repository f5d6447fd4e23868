import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { FigureFiles } from "./write-figure.ts";

/** Figure files in a folder, which is made when the first is written. Each file appears whole, under its name, or not. */
export function figureFolder(folder: string): FigureFiles {
  let temporaryCount = 0;
  return {
    read: async (path) => {
      try {
        return await readFile(join(folder, path));
      } catch (error) {
        if (typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT") return undefined;
        throw error;
      }
    },
    write: async (path, bytes) => {
      const target = join(folder, path);
      // Two processes may draw into one folder: the temporary name is this one's own.
      const temporary = `${target}.${process.pid}-${temporaryCount++}.tmp`;
      await mkdir(dirname(target), { recursive: true });
      try {
        const file = await open(temporary, "w");
        try {
          await file.writeFile(bytes);
        } finally {
          await file.close();
        }
        await rename(temporary, target);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    },
  };
}
