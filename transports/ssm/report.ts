/** What a delivery says of its command, read from the invocation's stdout. */
export type Report =
  | {
      readonly kind: "ended";
      readonly exitCode: number;
      readonly outBytes: number;
      readonly sha256: string;
      /** Of the compressed output that waits on the host; 0 where `stdout` has all of it. */
      readonly packedBytes: number;
      readonly stdout: Uint8Array | undefined;
      readonly stderr: string;
    }
  /** The host doesn't know the user yet: its first boot isn't over. */
  | { readonly kind: "nouser" }
  /** The stdin that arrived isn't the one that was sent; nothing was started. */
  | { readonly kind: "nostdin" }
  /** It was started by an earlier delivery and left no end. */
  | { readonly kind: "lost" };

const line =
  /^reprise-ssm 1 (\S+) (?:(nouser|nostdin|lost)|rc=(\d+) out=(\d+) sha256=([0-9a-f]{64}) packed=(\d+) err=(\d+))$/;

/** @returns undefined for what isn't a whole report of this delivery: the agent was killed, or somebody else wrote */
export function parseReport(id: string, text: string): Report | undefined {
  const [head = "", stdout = "", stderr] = text.split("\n");
  const match = line.exec(head);
  if (match?.[1] !== id) return undefined;
  const [, , special, exitCode, outBytes, sha256, packedBytes, errBytes] = match;
  if (special === "nouser" || special === "nostdin" || special === "lost") return { kind: special };
  if (sha256 === undefined || stderr === undefined) return undefined;
  const tail = Buffer.from(stderr, "base64");
  const cut = Number(errBytes) - tail.length;
  return {
    kind: "ended",
    exitCode: Number(exitCode),
    outBytes: Number(outBytes),
    sha256,
    packedBytes: Number(packedBytes),
    stdout: Number(packedBytes) === 0 ? Buffer.from(stdout, "base64") : undefined,
    stderr: `${cut > 0 ? `[${cut} bytes cut]\n` : ""}${tail.toString("utf8")}`,
  };
}
