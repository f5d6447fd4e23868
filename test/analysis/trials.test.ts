import {
  artifactsNamed,
  MissingArtifactError,
  numberParameter,
  textParameter,
  TrialParameterError,
  watchReads,
} from "../../analysis/trials.ts";
import { readText } from "../../analysis/parse/index.ts";
import { trialFixture } from "./trial-fixture.ts";

const trial = trialFixture({}, { "client-1/requests.csv.gz": "b", "client-0/requests.csv": "a", "server/log": "c" });

describe("artifactsNamed", () => {
  it("finds a file on every host, packed or not, by host", () => {
    expect(artifactsNamed(trial, "requests.csv").map(({ host }) => host)).toEqual(["client-0", "client-1"]);
  });
  it("says what there is when there is no such file", () => {
    expect(() => artifactsNamed(trial, "equests.csv")).toThrow(MissingArtifactError);
    expect(() => artifactsNamed(trial, "latency.csv")).toThrow("clients=4 trial 0 has no file latency.csv");
  });
});

describe("numberParameter and textParameter", () => {
  it("give parameters of the kind asked for, or name the parameter and its value", () => {
    expect(numberParameter(trial, "clients")).toBe(4);
    expect(textParameter(trial, "clients")).toBe("4");
    expect(() => numberParameter(trial, "mode")).toThrow('parameter mode is "group", not a number');
    expect(() => textParameter(trial, "server")).toThrow(TrialParameterError);
  });
});

describe("watchReads", () => {
  it("lists what was opened, once each", async () => {
    const watched = watchReads([trial]);
    const log = artifactsNamed(watched.trials[0]!, "log")[0]!;
    expect(watched.opened()).toEqual([]);
    expect([await readText(log.open()), await readText(log.open())]).toEqual(["c", "c"]);
    expect(watched.opened().map(({ path }) => path)).toEqual(["server/log"]);
  });
});
