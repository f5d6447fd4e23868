import { readFileSync } from "node:fs";
import { join } from "node:path";
import { findHostKey, parseKnownHosts } from "../../../providers/hosts/index.ts";

const file = readFileSync(join(import.meta.dirname, "known_hosts.txt"), "utf8");
// As `ssh-keygen -l` printed them.
const ed25519 = "SHA256:N4G9c1BoabVOkWv7oSjhLTjNL7dIRdCgZM9xBu74NtY";
const rsa = "SHA256:R5jV4MVpCLq/QNfd6b57uIZ0WWchwDIFlPHUga95MfI";
const ecdsa = "SHA256:L5rk5cINNwjfVvT8O7qsQsBeHXUoeg6LzjZRNWR5Maw";

describe("findHostKey", () => {
  const known = parseKnownHosts(file);

  it.each([
    ["an address", "192.0.2.1", 22, ed25519],
    ["a name beside it", "server.example", 22, ed25519],
    ["another port, where ecdsa comes before rsa", "server.example", 2222, ecdsa],
    ["a pattern", "a.lab.example", 22, ecdsa],
    ["a hashed name", "hashed.example", 22, rsa],
    ["a name that a pattern excludes", "bad.lab.example", 22, undefined],
    ["a port that isn't listed", "192.0.2.1", 2222, undefined],
    ["an authority's domain, which vouches for no key of its own", "x.ca.example", 22, undefined],
  ])("finds the key of %s", (_, address, port, fingerprint) => {
    expect(findHostKey(known, address, port)).toBe(fingerprint);
  });

  it("trusts no revoked key", () => {
    const line = file.split("\n").find((each) => each.startsWith("192.0.2.1"));
    const [, type, blob] = line!.split(" ");
    expect(findHostKey(parseKnownHosts(`${file}\n@revoked * ${type} ${blob}\n`), "192.0.2.1", 22)).toBeUndefined();
  });
});

describe("parseKnownHosts", () => {
  it("counts the lines it doesn't understand", () => {
    const lines = file.trimEnd().split("\n");
    expect(parseKnownHosts(file).skipped).toEqual([
      { lineNumber: lines.length - 1, line: lines.at(-2) },
      { lineNumber: lines.length, line: "broken line" },
    ]);
  });
});
