import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import ssh2 from "ssh2";
import { deriveBytes, deriveKeyPair, MasterSecretError } from "../../../core/identity/index.ts";

const secret = Buffer.alloc(32, 7);

describe("deriveKeyPair", () => {
  it("gives the same pair for the same secret, run and host", () => {
    const owner = { kind: "host", runId: "r1", host: "server-0" } as const;
    expect(deriveKeyPair(secret, owner)).toEqual(deriveKeyPair(secret, owner));
    // Hosts pin this before they exist: the derivation may never change under a running installation.
    expect(deriveKeyPair(secret, owner).fingerprint).toBe("SHA256:YgjJmhlpPNUrj28UfcHZDw7UV/ngjO2Llxv6Bz8Jl58");
  });

  it("gives unrelated pairs to all others", () => {
    const owners = [
      { kind: "user", runId: "r1" },
      { kind: "user", runId: "r2" },
      { kind: "host", runId: "r1", host: "server-0" },
      { kind: "host", runId: "r1", host: "server-1" },
      { kind: "host", runId: "r1s", host: "erver-0" },
    ] as const;
    const secrets = [secret, Buffer.alloc(32, 8)];
    const prints = secrets.flatMap((each) => owners.map((owner) => deriveKeyPair(each, owner).fingerprint));
    expect(new Set(prints).size).toBe(owners.length * secrets.length);
  });

  it("writes files that node:crypto and ssh2 read, for every length of comment", () => {
    for (let length = 1; length <= 64; length++) {
      const pair = deriveKeyPair(secret, { kind: "host", runId: "r", host: "h".repeat(length) });
      const [opened] = [ssh2.utils.parseKey(pair.privateKey)].flat();
      if (opened === undefined || opened instanceof Error)
        throw new Error("ssh2 can't read the key", { cause: opened });
      expect(opened.getPublicSSH().toString("base64")).toBe(pair.publicKey.split(" ")[1]);
      const message = Buffer.from("message");
      const signature = sign(null, message, createPrivateKey(pair.pkcs8));
      expect(verify(null, message, createPublicKey(pair.pkcs8), signature)).toBe(true);
      expect(opened.verify(message, signature)).toBe(true);
    }
  });

  it("refuses a short master secret", () => {
    expect(() => deriveKeyPair(Buffer.alloc(31), { kind: "user", runId: "r1" })).toThrow(MasterSecretError);
  });
});

describe("deriveBytes", () => {
  it("keeps the parts of a context apart", () => {
    expect(deriveBytes(secret, ["a", "bc"], 16)).not.toEqual(deriveBytes(secret, ["ab", "c"], 16));
  });
});
