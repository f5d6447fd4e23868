import { withParameters } from "../../../core/definition/set-parameters.ts";

const text = `# what it measures
name: a
parameters:
  clients: 1 # closed loop
  node:
    batch:
      - 1
      - 2
    # where it listens
    address: "::1"
  mode: { default: fast, choices: [fast, slow] }
  rate:
sweeps: {}
`;

describe("withParameters", () => {
  it("changes one default and nothing else of the text", () => {
    expect(withParameters(text, ["clients=8"]).text).toBe(text.replace("clients: 1 #", "clients: 8 #"));
    expect(withParameters(text, ["node.address=a: b"]).text).toBe(text.replace('"::1"', '"a: b"'));
    expect(withParameters(text, ["mode=slow"]).text).toBe(text.replace("default: fast", 'default: "slow"'));
    expect(withParameters(text, ["rate=2.5"]).text).toBe(text.replace("rate:\n", "rate: 2.5\n"));
    expect(withParameters(text, ["node.batch=[3]"]).text).toBe(text.replace("      - 1\n      - 2\n", "      [3]\n"));
  });

  it("changes several, one after the other, the later winning", () => {
    const { text: edited, settings } = withParameters(text, ["clients=2", "rate=1", "clients=4"]);
    expect(edited).toBe(text.replace("clients: 1 #", "clients: 4 #").replace("rate:\n", "rate: 1\n"));
    expect(settings.map(({ path, value }) => [path.join("."), value])).toEqual([
      ["clients", 2],
      ["rate", 1],
      ["clients", 4],
    ]);
  });

  it.each([
    ["clints=8", /no parameter is named `clints`/, /clients/],
    ["clients=many", /`clients` is a number, not a text/, /type: any/],
    ["mode=fats", /not one of the choices of `mode`/, /fast/],
    ["node=3", /`node` is a tree of parameters/, undefined],
    ["node={address: a, batch: [1]}", /several parameters at once/, /own name/],
    ["clients", /not of the form name=value/, undefined],
    ["clients=[1", /--set clients=\[1: /, undefined],
  ])("refuses %s", (setting, message, hint) => {
    let thrown: unknown;
    try {
      withParameters(text, [setting]);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ failure: { class: "invalid", message: expect.stringMatching(message) as string } });
    if (hint !== undefined) expect((thrown as { hint: string }).hint).toMatch(hint);
  });

  it("leaves a text that can't be read to its reader", () => {
    expect(withParameters("a: [", ["a=1"]).text).toBe("a: [");
    expect(withParameters("- a", ["a=1"]).text).toBe("- a");
  });
});
