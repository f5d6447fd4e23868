import fc from "fast-check";
import { parseReport } from "../../../transports/ssm/report.ts";
import { renderDelivery, renderForget, renderPiece } from "../../../transports/ssm/script.ts";

const digest = "a".repeat(64);
const b64 = (text: string): string => Buffer.from(text).toString("base64");

describe("parseReport", () => {
  it("reads a small answer whole", () => {
    const text = `reprise-ssm 1 d-1 rc=255 out=3 sha256=${digest} packed=0 err=5\n${b64("abc")}\n${b64("oops\n")}\n`;
    expect(parseReport("d-1", text)).toEqual({
      kind: "ended",
      exitCode: 255,
      outBytes: 3,
      sha256: digest,
      packedBytes: 0,
      stdout: Buffer.from("abc"),
      stderr: "oops\n",
    });
  });

  it("leaves a large one on the host", () => {
    const text = `reprise-ssm 1 d-1 rc=0 out=99999 sha256=${digest} packed=500 err=0\n\n\n`;
    expect(parseReport("d-1", text)).toMatchObject({ kind: "ended", packedBytes: 500, stdout: undefined, stderr: "" });
  });

  it.each(["nouser", "nostdin", "lost"] as const)("knows the answer %s", (kind) => {
    expect(parseReport("d-1", `reprise-ssm 1 d-1 ${kind}\n`)).toEqual({ kind });
  });

  it("takes nothing else for a report: another delivery's, a cut one, any text", () => {
    const whole = `reprise-ssm 1 d-1 rc=0 out=3 sha256=${digest} packed=0 err=0\n${b64("abc")}\n\n`;
    expect(parseReport("d-2", whole)).toBeUndefined();
    expect(parseReport("d-1", whole.slice(0, 60))).toBeUndefined();
    fc.assert(fc.property(fc.string(), (text) => parseReport("d-1", text) === undefined));
  });
});

describe("renderDelivery", () => {
  it("holds nothing that Systems Manager or a shell would read as its own", () => {
    fc.assert(
      fc.property(fc.string(), (command) => {
        const script = renderDelivery({
          id: "d-1",
          spool: "/var/lib/x",
          user: "ubuntu",
          command: `${command}{{ssm:secret}}`,
          stdin: { kind: "none" },
          waitSec: 5,
        });
        expect(script).not.toContain("{{");
        expect(script).toContain(Buffer.from(`${command}{{ssm:secret}}`).toString("base64"));
      }),
    );
  });

  it.each(["a b", "a'b", "$(id)", "a\nb"])("refuses a name that isn't a plain word: %j", (bad) => {
    expect(() => renderForget("/var/lib/x", bad)).toThrow(TypeError);
    expect(() => renderPiece(bad, "d-1", 0, 1)).toThrow(TypeError);
  });
});
