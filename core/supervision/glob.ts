import { FailureError } from "../errors/failure.ts";

/** What can stand in a key, and so in the name of a collected file, plus the slash. */
const literal = /[A-Za-z0-9_=@/-]/;

/**
 * A glob as the POSIX extended regular expression that means the same, so that all hosts match alike.
 *
 * `*` and `?` stay inside a segment, `**` crosses them, `[a-z]`, `[!a-z]` and `{a,b}` are as in a shell. A glob that
 * ends in a slash, or whose last segment has no wildcard, also takes everything below that folder.
 *
 * @throws {FailureError} class invalid for characters that no collected file can have in its name
 */
export function globToPattern(glob: string): string {
  const refuse = (why: string): never => {
    throw new FailureError({
      class: "invalid",
      message: `not a glob that collects files: "${glob}" (${why})`,
      hint: "paths are relative to the attempt folder and made of A-Z a-z 0-9 . _ = + @ - and /",
    });
  };
  if (glob === "" || glob.startsWith("/")) refuse("it must be relative");
  if (glob.split("/").some((segment) => segment === ".." || segment === ".")) refuse("no . or .. in it");
  let pattern = "";
  let depth = 0;
  let i = 0;
  while (i < glob.length) {
    const c = glob.charAt(i);
    if (glob.startsWith("**/", i) && (i === 0 || glob.charAt(i - 1) === "/")) {
      pattern += "(.*/)?";
      i += 3;
      continue;
    }
    if (glob.startsWith("**", i)) {
      pattern += ".*";
      i += 2;
      continue;
    }
    if (c === "*") pattern += "[^/]*";
    else if (c === "?") pattern += "[^/]";
    else if (c === "[") {
      const set = /^\[(!?)([A-Za-z0-9._=+@-]+)\]/.exec(glob.slice(i));
      if (set === null) return refuse("a [ that isn't a set of such characters");
      pattern += set[1] === "!" ? `[^/${set[2] ?? ""}]` : `[${set[2] ?? ""}]`;
      i += set[0].length;
      continue;
    } else if (c === "{") {
      depth++;
      pattern += "(";
    } else if (c === "}" && depth > 0) {
      depth--;
      pattern += ")";
    } else if (c === "," && depth > 0) pattern += "|";
    else if (c === "." || c === "+") pattern += `[${c}]`;
    else if (literal.test(c)) pattern += c;
    else refuse(`"${c}"`);
    i++;
  }
  if (depth > 0) refuse("a { without its }");
  const last = glob.slice(glob.lastIndexOf("/") + 1);
  if (last === "") pattern += ".*";
  else if (!/[*?[{]/.test(last)) pattern += "(/.*)?";
  return `^${pattern}$`;
}
