import { createSimRun, simExperiment } from "../engines/embedded/sim-run.ts";
import { mostCallBytes } from "../../core/flow/host-calls.ts";
import { verifyCapability } from "../../core/identity/index.ts";
import { answerHttp } from "../../lambdas/endpoint.ts";

const post = (path: string, body: unknown, more: object = {}) => ({
  version: "2.0",
  rawPath: path,
  requestContext: { http: { method: "POST", path } },
  body: typeof body === "string" ? body : JSON.stringify(body),
  isBase64Encoded: false,
  ...more,
});

describe("answerHttp", () => {
  const ask = async (event: unknown) => {
    const run = await createSimRun({ experiment: simExperiment({ points: 1, trials: 1, lanes: 1 }) });
    const secret = new Uint8Array(32);
    return answerHttp(event, {
      flow: run.engine().effects,
      verify: (token, now) => verifyCapability(secret, token, now),
    });
  };
  const code = (answer: { readonly body: string }): unknown => (JSON.parse(answer.body) as { code: unknown }).code;

  it.each([
    ["another path", post("/elsewhere", {}), 404, "NoSuchCall"],
    ["another method", { ...post("/report", {}), requestContext: { http: { method: "GET" } } }, 404, "NoSuchCall"],
    ["no function URL's event", { hello: 1 }, 400, "Malformed"],
    ["a body that isn't JSON", post("/report", "{"), 400, "Malformed"],
    ["a body larger than anything honest", post("/beat", "x".repeat(mostCallBytes + 1)), 413, "TooLarge"],
    [
      "a capability that nobody signed",
      post("/beat", { capability: `c1.${"a".repeat(20)}.${"b".repeat(43)}`, stepId: "s", state: "running" }),
      403,
      "Forged",
    ],
  ])("refuses %s", async (_name, event, status, expected) => {
    const answer = await ask(event);
    expect([answer.statusCode, code(answer)]).toEqual([status, expected]);
  });

  it("reads a body that was encoded on the way", async () => {
    const text = Buffer.from(JSON.stringify({ capability: "nothing", stepId: "s", state: "x" })).toString("base64");
    const answer = await ask(post("/beat", text, { isBase64Encoded: true }));
    expect([answer.statusCode, code(answer)]).toEqual([400, "Malformed"]);
  });
});
