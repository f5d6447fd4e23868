import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Installation } from "../cli/installation.ts";

const repository = join(import.meta.dirname, "../..");
/** The papers' own results, beside the checkout; what needs them is skipped elsewhere. */
const published = join(repository, "../shared/published");
const itWithData = existsSync(join(published, "frankenpaxos/nsdi")) ? it : it.skip;

describe("reprise notebooks", () => {
  const installation = new Installation();
  const pages = join(installation.root, "pages");
  const build = (...args: readonly string[]) =>
    installation.run(["notebooks", ...args, "--output", pages], { cwd: repository });
  const page = (name: string): string => readFileSync(join(pages, `${name}.html`), "utf8");
  /** The verdict in the row of a table that begins with a claim. */
  const verdictOf = (html: string, claim: string): string | undefined =>
    new RegExp(`<tr><td>${claim}[^<]*</td>(?:<td>[^<]*</td>){2}<td>([^<]*)</td>`).exec(html)?.[1];

  afterAll(() => {
    installation.remove();
  });

  it("says which notebooks lack their data, and fails only for those asked for by name", async () => {
    const all = await build();
    expect([all.code, all.stderr]).toEqual([
      0,
      expect.stringContaining("not built, its data isn't here: notebooks/frankenpaxos/bipartisan.md: cell 1"),
    ]);
    const one = await build("notebooks/frankenpaxos/bipartisan.md");
    expect([one.code, one.stderr]).toEqual([2, expect.stringContaining("there is no file nsdi/")]);
  });

  itWithData("go from the papers' rows to their figures, numbers and verdicts", async () => {
    const { code, stdout, stderr } = await build("--data", published);
    expect([code, stderr]).toEqual([0, expect.stringContaining("notebooks/frankenpaxos/mencius.md")]);
    expect(stdout.split("\n").filter((line) => line.includes("cells run"))).toHaveLength(5);

    const nsdi = page("frankenpaxos/bipartisan");
    // The draft's table, and factors that its figures show.
    expect(nsdi).toContain("<tr><td>MultiPaxos</td><td>0.24</td><td>0.52</td><td>2.49</td></tr>");
    expect(nsdi).toMatch(/<td>1<\/td><td>MultiPaxos<\/td><td>29208<\/td><td>600<\/td><td>22.55\d*<\/td><td>2.65<\/td>/);
    expect(verdictOf(nsdi, "Without conflicts BPaxos peaks twice as high as EPaxos")).toBe("holds");
    expect(verdictOf(nsdi, "Without conflicts BPaxos peaks more than two and a half times")).toBe("cannot tell");
    expect(nsdi.match(/<figure/g)).toHaveLength(6);

    const matchmaker = page("frankenpaxos/matchmaker");
    expect(matchmaker).toMatch(/<td>rampCorrected<\/td><td>[^<]*<\/td><td>2935.1678<\/td><td>3051<\/td>/);
    expect(matchmaker).toContain("<td>4089</td>");
    expect(matchmaker).toContain("Not at hand:\nvldb20_matchmaker/lt/results.csv: no such file");
    expect(verdictOf(matchmaker, "With election timeouts of five seconds")).toBe("cannot tell");

    const reads = page("frankenpaxos/reads");
    expect(reads).toContain("<tr><td>90% reads</td><td>6</td><td>5</td><td>4</td><td>380308</td></tr>");
    expect(verdictOf(reads, "CRAQ keeps a third of its throughput")).toBe("holds");

    const main = page("frankenpaxos/compartmentalized");
    expect(verdictOf(main, "Taken apart, MultiPaxos reaches six times")).toBe("holds");
    for (const html of [nsdi, matchmaker, reads, main]) expect(html).not.toMatch(/NaN|undefined</);
  });
});
