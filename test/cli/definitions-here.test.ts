import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { definitionNamed, definitionsIn, experimentsHere } from "../../cli/definitions-here.ts";
import { findExperimentOf } from "../../cli/experiment-of-run.ts";

describe("definitionsIn", () => {
  it("finds definitions by what they say, the first one first", async () => {
    const folder = mkdtempSync(join(tmpdir(), "reprise-definitions-"));
    try {
      mkdirSync(join(folder, "files"));
      for (const [name, text] of [
        ["a.yaml", "reprise: 1\nname: a\n"],
        ["b.json", '{ "reprise": 1, "name": "b" }'],
        ["experiment.yaml", "# ours\nreprise: 1\nname: first\n"],
        ["dashboard.yaml", "- title: reprise\n"],
        ["a.cluster.json", '{ "1": { "clients": ["10.0.0.1"] } }'],
        ["notes.md", "reprise: 1\n"],
      ] as const)
        writeFileSync(join(folder, name), text);
      expect(await definitionsIn(folder)).toEqual(
        ["experiment.yaml", "a.yaml", "b.json"].map((name) => join(folder, name)),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("gives nothing for a folder that isn't there", async () => {
    expect(await definitionsIn("nowhere")).toEqual([]);
  });
});

describe("experimentsHere", () => {
  it("finds those below experiments/, and what `reprise init` makes in a folder of one's own", async () => {
    const root = mkdtempSync(join(tmpdir(), "reprise-definitions-"));
    try {
      for (const [folder, file] of [
        ["experiments/a", "other.yaml"],
        ["mine", "experiment.yaml"],
        ["mine", "draft.yaml"],
        ["schema", "reprise.schema.json"],
        ["node_modules", "experiment.yaml"],
        [".", "experiment.json"],
      ] as const) {
        mkdirSync(join(root, folder), { recursive: true });
        writeFileSync(join(root, folder, file), '"reprise": 1\n');
      }
      expect(await experimentsHere(root)).toEqual(
        ["experiments/a/other.yaml", "experiment.json", "mine/experiment.yaml"].map((file) => join(root, file)),
      );
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});

// The tests' own folder is the repository's.
describe("definitionNamed", () => {
  it("finds a definition by its own name, wherever it lies in its folder", async () => {
    expect(await definitionNamed("frankenpaxos-nsdi")).toBe(join("experiments", "frankenpaxos", "nsdi.yaml"));
    expect(await definitionNamed("no-such-experiment")).toBeUndefined();
  });
});

describe("findExperimentOf", () => {
  it("finds every definition of a folder again, with or without the folder's name", async () => {
    for (const named of [undefined, "frankenpaxos", join("experiments", "frankenpaxos")]) {
      const found = await findExperimentOf("frankenpaxos-matchmaker", named);
      expect(found?.definition.spec.name).toBe("frankenpaxos-matchmaker");
      expect(found?.folder).toMatch(/experiments.frankenpaxos$/);
    }
  });

  it("refuses a folder that has other definitions, and finds nothing for a run of one that isn't here", async () => {
    await expect(findExperimentOf("quickstart", "frankenpaxos")).rejects.toThrow(
      "frankenpaxos holds frankenpaxos, and the run is one of quickstart",
    );
    expect(await findExperimentOf("no-such-experiment", undefined)).toBeUndefined();
  });
});
