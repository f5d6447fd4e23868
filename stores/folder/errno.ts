/**
 * The code of a failed system call (`ENOENT`), or undefined for any other error. By shape, not by class: a test runner's
 * realm has another `Error` than Node's own functions throw.
 */
export const errnoOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;

/** Gives what `work` gives, or undefined when it fails with one of `codes`. */
export function unless<T>(codes: readonly string[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (codes.includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

/** What a path that leads nowhere answers; ENOTDIR: one of its folders is a file. */
export const absent = ["ENOENT", "ENOTDIR"] as const;
