import { renderTrialPage, showLog } from "../../../analysis/report/index.ts";
import { manifestFixture, trialPageFixture } from "./trial-page-fixture.ts";

const sectionsOf = (html: string): string[] =>
  [...html.matchAll(/data-part="([^"]+)"/g)].map((match) => match[1] ?? "");

describe("renderTrialPage", () => {
  it("has a section for each thing that a trial left", () => {
    const html = renderTrialPage(trialPageFixture());
    expect(sectionsOf(html)).toEqual(["result", "parameters", "hosts", "timeline", "resources", "logs", "artifacts"]);
    expect(html).toContain("0.3<"); // no digits of binary fractions
    expect(html).toContain("b".repeat(64));
    expect(html).toContain('href="load.clients%3D4.t1.html"');
  });

  it("sets the hosts' clocks right in the timeline", () => {
    const html = renderTrialPage(trialPageFixture());
    // The client's clock is 2 s ahead: its job began a second after the server's service did.
    expect(html).toContain('title="load-0 exited: 09:00:01, 8 s"');
  });

  it("says why it failed, and what the other attempts came to", () => {
    const failure = {
      class: "timeout" as const,
      message: "load ran longer than 60 s",
      hint: "raise `timeout:`",
      host: "client-0",
    };
    const html = renderTrialPage(
      trialPageFixture({
        manifest: manifestFixture({
          outcome: { kind: "failed", failure },
          missing: [{ host: "client-0", path: "requests.csv" }],
        }),
        otherAttempts: [{ attempt: 1, outcome: "failed", message: "preempted: taken away" }],
      }),
    );
    expect(html).toContain("<strong>timeout</strong>: load ran longer than 60 s (client-0)");
    expect(html).toContain("client-0 left no requests.csv");
    expect(html).toContain("preempted: taken away");
  });

  it("leaves out what an imported trial doesn't have", () => {
    const manifest = manifestFixture({ hosts: [], phases: [] });
    const html = renderTrialPage(trialPageFixture({ manifest, samples: {}, logs: [] }));
    expect(sectionsOf(html)).toEqual(["result", "parameters", "artifacts"]);
  });

  it("shows a trial that has only begun", () => {
    const html = renderTrialPage(
      trialPageFixture({ manifest: undefined, isRunning: true, samples: {}, refreshSec: 3 }),
    );
    expect(sectionsOf(html)).toEqual(["parameters", "logs"]);
    expect(html).toContain('data-refresh="3"');
  });

  it.each([
    ["</pre><script>alert(1)</script>"],
    ['"><img src=x onerror=alert(1)>'],
    ["<!-- --></style></title><svg onload=alert(1)>"],
    ["<meta http-equiv=refresh content='0;url=//evil.example'>"],
  ])("keeps %j text wherever a host or definition put it", (evil) => {
    const html = renderTrialPage(
      trialPageFixture({
        pointKey: evil,
        parameters: { [evil]: evil },
        manifest: manifestFixture({
          outcome: { kind: "invalid", failures: [{ class: "command", message: evil, hint: evil }] },
          checks: [{ name: evil, passed: false, detail: evil }],
          summary: { [evil]: 1 },
          missing: [{ host: evil, path: evil }],
          events: [{ host: evil, name: evil, outcome: evil, at: "2026-01-01T09:00:00.000Z" }],
        }),
        otherAttempts: [{ attempt: 1, outcome: evil, message: evil }],
        logs: [{ host: evil, path: evil, bytes: 1, isPartial: true, ...showLog(Buffer.from(evil)) }],
      }),
    );
    const bodies = html.replace(/<script>[\s\S]*?<\/script>/, "");
    expect(bodies).not.toContain(evil);
    expect(bodies).not.toMatch(/<(script|img|meta http-equiv=refresh)/i);
    expect(bodies.match(/<svg/g)).toEqual(renderTrialPage(trialPageFixture()).match(/<svg/g));
  });

  it("lets no script run but its own", () => {
    const html = renderTrialPage(trialPageFixture());
    expect(html).toMatch(/script-src 'sha256-[A-Za-z0-9+/]{43}='/);
    expect(html).not.toMatch(/script-src[^;]*unsafe-inline/);
  });

  it("refuses links that run code", () => {
    const links = { up: "javascript:alert(1)" };
    expect(() => renderTrialPage(trialPageFixture({ links }))).toThrow("a link can't lead to");
  });
});
