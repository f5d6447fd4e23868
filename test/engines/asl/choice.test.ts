import type { Json } from "../../../core/effects/json.ts";
import { compileRule, matchesRule } from "../../../engines/asl/choice.ts";

const input: Json = {
  text: "banana",
  path: "logs/2026/a.csv",
  star: "a*b",
  n: 5,
  five: 5,
  six: 6,
  yes: true,
  nothing: null,
  early: "2026-11-21T00:00:00Z",
  late: "2026-11-21T02:00:00+01:00",
  list: [1],
};

function matches(rule: Json): boolean {
  const problems: string[] = [];
  const compiled = compileRule(rule, (path, message) => problems.push(`${path.join(".")}: ${message}`));
  if (compiled === undefined || problems.length > 0) throw new Error(problems.join("\n"));
  return matchesRule(compiled, { input, context: () => ({ State: { Name: "C" } }) });
}
const test = (variable: string, operator: string, value: Json): boolean =>
  matches({ Variable: variable, [operator]: value });

describe("matchesRule", () => {
  it.each<[string, string, Json, boolean]>([
    ["$.text", "StringEquals", "banana", true],
    ["$.text", "StringEquals", "Banana", false],
    ["$.text", "StringLessThan", "cherry", true],
    ["$.text", "StringLessThanEquals", "banana", true],
    ["$.text", "StringGreaterThan", "apple", true],
    ["$.text", "StringGreaterThanEquals", "banana", true],
    ["$.text", "StringGreaterThan", "banana", false],
    ["$.n", "NumericEquals", 5, true],
    ["$.n", "NumericLessThan", 5, false],
    ["$.n", "NumericLessThanEquals", 5, true],
    ["$.n", "NumericGreaterThan", 4.5, true],
    ["$.n", "NumericGreaterThanEquals", 6, false],
    ["$.yes", "BooleanEquals", true, true],
    ["$.yes", "BooleanEquals", false, false],
    ["$.early", "TimestampEquals", "2026-11-21T01:00:00+01:00", true],
    ["$.early", "TimestampLessThan", "2026-11-21T00:00:01Z", true],
    ["$.early", "TimestampGreaterThanEquals", "2026-11-21T00:00:00.000Z", true],
    // Paths.
    ["$.n", "NumericEqualsPath", "$.five", true],
    ["$.n", "NumericGreaterThanPath", "$.six", false],
    ["$.n", "NumericLessThanEqualsPath", "$.six", true],
    ["$.text", "StringEqualsPath", "$.text", true],
    ["$.yes", "BooleanEqualsPath", "$.yes", true],
    ["$.late", "TimestampGreaterThanPath", "$.early", true],
    ["$$.State.Name", "StringEquals", "C", true],
    // Another type doesn't match, whichever side it is on.
    ["$.n", "StringEquals", "5", false],
    ["$.text", "NumericLessThan", 5, false],
    ["$.nothing", "NumericEquals", 0, false],
    ["$.text", "TimestampLessThan", "2026-11-21T00:00:00Z", false],
    ["$.n", "NumericEqualsPath", "$.text", false],
    // Wildcards.
    ["$.path", "StringMatches", "logs/*/a.csv", true],
    ["$.path", "StringMatches", "*.csv", true],
    ["$.path", "StringMatches", "logs/*", true],
    ["$.path", "StringMatches", "*", true],
    ["$.path", "StringMatches", "logs/*.txt", false],
    ["$.star", "StringMatches", "a\\*b", true],
    ["$.text", "StringMatches", "b\\*a", false],
    ["$.text", "StringMatches", "b*n*a", true],
    // Kinds.
    ["$.text", "IsString", true, true],
    ["$.n", "IsString", true, false],
    ["$.n", "IsString", false, true],
    ["$.n", "IsNumeric", true, true],
    ["$.yes", "IsBoolean", true, true],
    ["$.nothing", "IsNull", true, true],
    ["$.n", "IsNull", false, true],
    ["$.early", "IsTimestamp", true, true],
    ["$.text", "IsTimestamp", true, false],
    ["$.nothing", "IsPresent", true, true],
    ["$.missing", "IsPresent", true, false],
    ["$.missing", "IsPresent", false, true],
    ["$.list[0]", "IsPresent", true, true],
    ["$.list[1].x", "IsPresent", true, false],
  ])("%s %s %j is %j", (variable, operator, value, expected) => expect(test(variable, operator, value)).toBe(expected));

  it("combines rules, and looks no further than it must", () => {
    const present = { Variable: "$.missing", IsPresent: true };
    const positive = { Variable: "$.missing", NumericGreaterThan: 0 };
    expect(matches({ And: [present, positive] })).toBe(false);
    expect(matches({ Or: [{ Not: present }, positive] })).toBe(true);
    expect(matches({ Not: { And: [{ Not: present }, { Variable: "$.n", NumericEquals: 5 }] } })).toBe(false);
  });

  it.each(["IsNull", "IsString"])("fails where %s asks about something that isn't there", (operator) =>
    expect(() => test("$.missing", operator, true)).toThrow(
      "Invalid path '$.missing': The choice state's condition path references an invalid value.",
    ),
  );

  it("ends on a pattern of many stars", () =>
    // A backtracking matcher would need longer than the test may take.
    expect(test("$.text", "StringMatches", `${"*a".repeat(40)}b`)).toBe(false));
});

describe("compileRule", () => {
  it.each<[Json, string]>([
    [{ Variable: "$.a", StringEquals: 1 }, "StringEquals: expected a string"],
    [{ Variable: "$.a", TimestampEquals: "yesterday" }, "TimestampEquals: expected a timestamp"],
    [{ Variable: "$.a", TimestampEquals: "2026-02-30T00:00:00Z" }, "TimestampEquals: expected a timestamp"],
    [{ Variable: "$.a", IsNull: "yes" }, "IsNull: expected true or false"],
    [{ Variable: "$.a", NumericNotEquals: 1 }, 'NumericNotEquals: unknown operator "NumericNotEquals"'],
    [{ Variable: "$.a", BooleanLessThan: true }, 'BooleanLessThan: unknown operator "BooleanLessThan"'],
    [{ Variable: "$.a" }, ": a rule has one operator, got none"],
    [{ Variable: "$.a", IsNull: true, IsString: true }, ": a rule has one operator, got IsNull, IsString"],
    [{ Variable: "a", IsNull: true }, 'Variable: not a JSONPath of our subset: "a"'],
    [{ Variable: "$.a", NumericEqualsPath: 5 }, "NumericEqualsPath: expected a path"],
    [{ And: [] }, "And: expected a non-empty array of rules"],
    [{ Not: { Variable: "$.a", IsNull: true, Next: "B" } }, "Not.Next: only a top-level rule has Next"],
    [{ Or: [{ Variable: "$.a", Nonsense: 1 }] }, 'Or.0.Nonsense: unknown operator "Nonsense"'],
  ])("says what is wrong with %j", (rule, problem) => expect(() => matches(rule)).toThrow(problem));
});
