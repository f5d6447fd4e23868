import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { NoticingCloud } from "../../core/supervision/index.ts";
import { openTestHost, stepFixture, unitFixture } from "./test-host.ts";

/** A machine's metadata as its cloud serves it: undefined is 404. */
type Metadata = (request: IncomingMessage) => string | undefined;

/** Each in its cloud's own words, once `isTaken`; who doesn't ask as the cloud wants to be asked gets nothing. */
const metadata: Readonly<Record<NoticingCloud, (isTaken: boolean) => Metadata>> = {
  // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html, by IMDSv2
  aws: (isTaken) => (request) => {
    const { method, url, headers } = request;
    if (url === "/latest/api/token")
      return method === "PUT" && headers["x-aws-ec2-metadata-token-ttl-seconds"] !== undefined ? "a-token" : undefined;
    if (url !== "/latest/meta-data/spot/instance-action" || headers["x-aws-ec2-metadata-token"] !== "a-token")
      return undefined;
    return isTaken ? '{"action": "terminate", "time": "2026-01-01T08:22:00Z"}' : undefined;
  },
  // https://learn.microsoft.com/azure/virtual-machines/linux/scheduled-events
  azure: (isTaken) => (request) => {
    if (request.headers["metadata"] !== "true" || !request.url?.startsWith("/metadata/scheduledevents?api-version="))
      return undefined;
    const event = (EventType: string) => ({ EventId: "1", EventType, NotBefore: "Mon, 19 Sep 2026 18:29:47 GMT" });
    return JSON.stringify({
      DocumentIncarnation: 2,
      Events: [event("Freeze"), ...(isTaken ? [event("Preempt")] : [])],
    });
  },
  // https://cloud.google.com/compute/docs/instances/create-use-spot#detect-preemption
  gcp: (isTaken) => (request) => {
    if (request.headers["metadata-flavor"] !== "Google" || request.url !== "/computeMetadata/v1/instance/preempted")
      return undefined;
    return isTaken ? "TRUE" : "FALSE";
  },
};

async function serve(
  answer: () => Metadata,
): Promise<{ readonly server: Server; readonly url: string; asked: () => number }> {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    const text = answer()(request);
    response.statusCode = text === undefined ? 404 : 200;
    response.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a TCP server's
  return { server, url: `http://127.0.0.1:${port}`, asked: () => asked };
}

describe("a spot machine that is told that it goes", () => {
  it.each<[NoticingCloud, RegExp]>([
    ["aws", /aws takes this spot machine back: .*"terminate".*08:22/],
    ["azure", /azure takes this spot machine back: "EventType":"Preempt".*18:29/],
    ["gcp", /gcp takes this spot machine back: TRUE/],
  ])("by %s ends its job, keeps what it wrote, and says so", async (cloud, said) => {
    let isTaken = false;
    const { server, url } = await serve(() => metadata[cloud](isTaken));
    const host = await openTestHost({ settings: { notices: { cloud, url } } });
    try {
      const job = unitFixture({
        name: "load",
        kind: "job",
        script: "echo begun > out.csv; sleep 600",
        timeoutMs: 600_000, // who isn't told waits in vain
      });
      const collect = [{ glob: "out.csv", required: true }];
      // Nothing was announced while this one ran.
      const short = { ...job, script: "echo short > out.csv" };
      expect((await host.run(stepFixture({ stepId: "calm", units: [short], collect }))).failure).toBeUndefined();
      isTaken = true;
      const result = await host.run(stepFixture({ stepId: "taken", units: [job], collect }));
      expect(result.failure).toMatchObject({ class: "preempted", host: "server-0" });
      expect(result.failure?.message).toMatch(said);
      expect(result.units).toMatchObject([{ name: "load", outcome: "stopped" }]);
      expect(result.artifacts.map(({ path }) => path)).toContain("out.csv");
    } finally {
      await host.close();
      server.close();
    }
  });

  it("is not asked where nothing would be announced, nor in the step that brings evidence home", async () => {
    const { server, url, asked } = await serve(() => metadata.gcp(true));
    const unit = unitFixture({ name: "install", kind: "command", script: "true" });
    const bought = await openTestHost();
    const spot = await openTestHost({ settings: { notices: { cloud: "gcp", url } } });
    try {
      expect((await bought.run(stepFixture({ stepId: "one", units: [unit] }))).failure).toBeUndefined();
      expect((await spot.run(stepFixture({ stepId: "two", units: [unit], stops: "all" }))).failure).toBeUndefined();
      expect(asked()).toBe(0);
    } finally {
      await bought.close();
      await spot.close();
      server.close();
    }
  });
});
