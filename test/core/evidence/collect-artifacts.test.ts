import { collectArtifacts, holdsFile } from "../../../core/evidence/collect-artifacts.ts";
import { partPath } from "../../../core/evidence/parts.ts";
import { attemptKeys } from "../../../core/names/keys.ts";
import { digestOf, text } from "../../stores/store-contract.ts";
import { landFile, newStore, promise, stepFixture } from "./run-fixture.ts";

const ref = { runId: "r1", pointKey: "p", trialIndex: 0, attempt: 1 };
const { artifact, live, manifest, claim } = attemptKeys(ref);
const relative = "p/trial-0/attempt-1";

describe("collectArtifacts", () => {
  it("takes what was promised and landed, in key order", async () => {
    const store = newStore();
    await landFile(store, artifact("server-0", "out.log"), "log");
    await landFile(store, artifact("client-0", "rows.csv"), "rows");
    await store.putIfAbsent(claim, text("{}"), "w");
    await store.putIfAbsent(manifest, text("{}"), "w");
    const results = [
      stepFixture({ host: "server-0", artifacts: [promise("out.log", "log")] }),
      stepFixture({ host: "client-0", artifacts: [promise("rows.csv", "rows")] }),
    ];
    expect(await collectArtifacts(store, ref, results)).toEqual({
      artifacts: [
        { key: `${relative}/client-0/rows.csv`, ...digestOf(text("rows")), complete: true },
        { key: `${relative}/server-0/out.log`, ...digestOf(text("log")), complete: true },
      ],
      missing: [],
    });
  });

  it("names what was promised and never landed, and rules without a file", async () => {
    const results = [stepFixture({ artifacts: [promise("out.log", "log")], missing: ["*.csv"] })];
    expect(await collectArtifacts(newStore(), ref, results)).toEqual({
      artifacts: [],
      missing: [
        { host: "server-0", path: "out.log" },
        { host: "server-0", path: "*.csv" },
      ],
    });
  });

  it("hashes what nobody promised", async () => {
    const store = newStore();
    await landFile(store, artifact("server-0", "out.log"), "log");
    const { artifacts } = await collectArtifacts(store, ref, []);
    expect(artifacts).toEqual([{ key: `${relative}/server-0/out.log`, ...digestOf(text("log")), complete: true }]);
  });

  it("records the bytes that stand there, and misses those that were promised", async () => {
    const store = newStore();
    await landFile(store, artifact("server-0", "out.log"), "old");
    const results = [stepFixture({ artifacts: [promise("out.log", "new")] })];
    expect(await collectArtifacts(store, ref, results)).toEqual({
      artifacts: [{ key: `${relative}/server-0/out.log`, ...digestOf(text("old")), complete: true }],
      missing: [{ host: "server-0", path: "out.log" }],
    });
  });

  it("believes the last promise for a path", async () => {
    const store = newStore();
    await landFile(store, artifact("server-0", "out.log"), "whole log");
    const results = [
      stepFixture({ artifacts: [promise("out.log", "half")] }),
      stepFixture({ artifacts: [promise("out.log", "whole log")] }),
    ];
    expect((await collectArtifacts(store, ref, results)).missing).toEqual([]);
  });

  it("joins the parts of a large file", async () => {
    const store = newStore();
    const parts = ["first", "second"];
    for (const [i, part] of parts.entries()) await landFile(store, artifact("server-0", partPath("big", i)), part);
    const results = [
      stepFixture({
        artifacts: [promise("big", "firstsecond"), ...parts.map((p, i) => promise(partPath("big", i), p))],
      }),
    ];
    expect(await collectArtifacts(store, ref, results)).toEqual({
      artifacts: [
        {
          key: `${relative}/server-0/big`,
          ...digestOf(text("firstsecond")),
          complete: true,
          parts: parts.map((part, i) => ({
            key: `${relative}/server-0/${partPath("big", i)}`,
            ...digestOf(text(part)),
          })),
        },
      ],
      missing: [],
    });
  });

  it("joins parts by their sizes when nobody promised the whole", async () => {
    const store = newStore();
    const parts = ["12345", "12345", "678"];
    for (const [i, part] of parts.entries()) await landFile(store, artifact("server-0", partPath("big", i)), part);
    const results = [stepFixture({ artifacts: parts.map((p, i) => promise(partPath("big", i), p)) })];
    const { artifacts, missing } = await collectArtifacts(store, ref, results, { partBytes: 5 });
    expect(artifacts).toMatchObject([
      { key: `${relative}/server-0/big`, ...digestOf(text("1234512345678")), complete: true, parts: [{}, {}, {}] },
    ]);
    expect(missing).toEqual([]);
    // Of another size they are files of the experiment's own.
    expect((await collectArtifacts(store, ref, results)).artifacts).toHaveLength(3);
  });

  it.each([
    ["a gap", [0, 2]],
    ["no first", [1, 2]],
    ["one alone", [0]],
  ])("joins no parts with %s", async (_, numbers) => {
    const store = newStore();
    for (const n of numbers) await landFile(store, artifact("server-0", partPath("big", n)), "12345");
    const { artifacts } = await collectArtifacts(store, ref, [], { partBytes: 5 });
    expect(artifacts.map(({ parts }) => parts)).toEqual(numbers.map(() => undefined));
  });

  it("misses a large file as long as a part does", async () => {
    const store = newStore();
    await landFile(store, artifact("server-0", partPath("big", 0)), "first");
    const results = [
      stepFixture({
        artifacts: [
          promise("big", "firstsecond"),
          promise(partPath("big", 0), "first"),
          promise(partPath("big", 1), "second"),
        ],
      }),
    ];
    const { artifacts, missing } = await collectArtifacts(store, ref, results);
    expect(missing.map(({ path }) => path)).toEqual(["big", partPath("big", 1)]);
    expect(artifacts.map(({ key }) => key)).toEqual([`${relative}/server-0/${partPath("big", 0)}`]); // kept all the same
  });

  it("takes a file with a part's name for a file", async () => {
    const store = newStore();
    await landFile(store, artifact("server-0", "dump.part0000"), "x");
    const { artifacts } = await collectArtifacts(store, ref, [
      stepFixture({ artifacts: [promise("dump.part0000", "x")] }),
    ]);
    expect(artifacts).toMatchObject([{ key: `${relative}/server-0/dump.part0000`, complete: true }]);
  });

  it("keeps live pieces only of files that never came", async () => {
    const store = newStore();
    await landFile(store, live("server-0", "out.log", 0), "lo");
    await landFile(store, artifact("server-0", "out.log"), "log");
    await landFile(store, live("client-0", "a/out.log", 0), "one ");
    await landFile(store, live("client-0", "a/out.log", 1), "two");
    const { artifacts } = await collectArtifacts(store, ref, [stepFixture({ artifacts: [promise("out.log", "log")] })]);
    expect(artifacts).toEqual([
      {
        key: `${relative}/client-0/a/out.log`,
        ...digestOf(text("one two")),
        complete: false,
        parts: [
          { key: `${relative}/live/client-0/a/out.log/000000`, ...digestOf(text("one ")) },
          { key: `${relative}/live/client-0/a/out.log/000001`, ...digestOf(text("two")) },
        ],
      },
      { key: `${relative}/server-0/out.log`, ...digestOf(text("log")), complete: true },
    ]);
  });
});

describe("holdsFile", () => {
  it("compares without reading and never creates", async () => {
    const store = newStore();
    await landFile(store, "f", "evidence");
    expect(await holdsFile(store, "f", digestOf(text("evidence")))).toBe(true);
    expect(await holdsFile(store, "f", digestOf(text("evidencf")))).toBe(false);
    expect(await holdsFile(store, "f", digestOf(text("evid")))).toBe(false);
    expect(await holdsFile(store, "none", digestOf(text("")))).toBe(false);
    expect(store.size).toBe(1);
  });
});
