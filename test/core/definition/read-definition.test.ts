import { parse, stringify } from "yaml";
import { readDefinition } from "../../../core/definition/read-definition.ts";
import { formatPath, formatProblem } from "../../../core/definition/problem.ts";
import { definitionSchema } from "../../../core/definition/schema.ts";
import { definitionText, fixtureNames, fixtureText, loadFixture, loadText } from "./load.ts";

const problemsOf = (text: string) => {
  const result = readDefinition(text, "experiment.yaml");
  return result.ok ? [] : result.problems;
};

const header = `reprise: 1
name: bad
parameters: { clients: 1, valueBytes: 100, node: { batch: 5 } }
deployments:
  cluster:
    roles: { server: {}, client: { count: 2, labels: [load-host] } }
`;
const trial = `trial:
  services:
    server:
      on: server
      ports: [rpc]
      run: ./server
  jobs:
    load:
      on: client
      run: ./load
`;
const sweeps = `sweeps:
  load: { cross: { clients: [1, 2] } }
`;

/** Marks the place in a text where a problem is expected to stand. */
const mark = "‸";

interface Mistake {
  readonly text: string;
  readonly path: string;
  readonly message: RegExp;
  readonly hint?: RegExp;
}

/** Each with a mark at the place that an editor would jump to. */
const mistakes: Readonly<Record<string, Mistake>> = {
  "an unknown field": {
    text: `${header}${trial}${sweeps}‸sweps: {}\n`,
    path: "sweps",
    message: /unknown field `sweps`/,
    hint: /did you mean `sweeps`/,
  },
  "a field misspelt deep inside": {
    text: `${header}${trial.replace("ports:", "‸prots:")}${sweeps}`,
    path: "trial.services.server.prots",
    message: /unknown field `prots`/,
    hint: /`ports`/,
  },
  "a name that stands there twice": {
    text: `${header}${trial.replace("      run: ./load", "      run: ./load\n      ‸run: ./load")}${sweeps}`,
    path: "trial.jobs.load.run",
    message: /`run` stands there already, in line 16/,
  },
  "a missing field": {
    text: `${header}${trial.replace("      run: ./load\n", "").replace("on: client", "‸on: client")}${sweeps}`,
    path: "trial.jobs.load",
    message: /missing field `run`/,
  },
  "a missing section": { text: `‸${header}${sweeps}`, path: "", message: /missing field `trial`/ },
  "a text instead of a number": {
    text: `${header.replace("count: 2", 'count: ‸"2"')}${trial}${sweeps}`,
    path: "deployments.cluster.roles.client.count",
    message: /must be a number, not a text/,
    hint: /without the quotes/,
  },
  "a number too small": {
    text: `${header.replace("count: 2", "count: ‸0")}${trial}${sweeps}`,
    path: "deployments.cluster.roles.client.count",
    message: /at least 1/,
  },
  "a token in a repository's URL, which isn't repeated": {
    text: `sources: { system: { repository: ‸"https://user:s3cret@example.com/x.git", commit: main } }\n${header}${trial}${sweeps}`,
    path: "sources.system.repository",
    message: /has a user or a token in it/,
  },
  "a time without its unit": {
    text: `${header}${trial}  timeout: ‸30\n${sweeps}`,
    path: "trial.timeout",
    message: /must be a text, not a number/,
    hint: /with its unit: `30s`/,
  },
  "a time with an unknown unit": {
    text: `${header}${trial}  timeout: ‸30 seconds\n${sweeps}`,
    path: "trial.timeout",
    message: /not a time with its unit/,
  },
  "a yes that isn't true": {
    text: `${header.replace("cluster:", "cluster:\n    spot: ‸yes")}${trial}${sweeps}`,
    path: "deployments.cluster.spot",
    message: /must be true or false/,
    hint: /`true` and `false` only/,
  },
  "a word that isn't one of the choices": {
    text: `${header}${trial}${sweeps.replace("cross:", "order: ‸randon, cross:")}`,
    path: "sweeps.load.order",
    message: /not one of the values/,
    hint: /`random`/,
  },
  "an unknown provider": {
    text: `${header.replace("cluster:", "cluster:\n    on: ‸asw")}${trial}${sweeps}`,
    path: "deployments.cluster.on",
    message: /not a provider/,
    hint: /`aws`/,
  },
  "a name with capitals": {
    text: `${header.replace("bad", "‸Bad")}${trial}${sweeps}`,
    path: "name",
    message: /not a name/,
  },
  "a role's name that can't be one": {
    text: `${header.replace("server: {}", "‸Server_1: {}")}${trial.replace("on: server", "on: client")}${sweeps}`,
    path: "deployments.cluster.roles.Server_1",
    message: /not a name/,
  },
  "an unknown role": {
    text: `${header}${trial.replace("on: client", "on: ‸clients")}${sweeps}`,
    path: "trial.jobs.load.on",
    message: /no role or label has that name/,
    hint: /`client`/,
  },
  "an unknown label in a list": {
    text: `${header}${trial.replace("on: client", "on: [server, ‸load-hosts]")}${sweeps}`,
    path: "trial.jobs.load.on[1]",
    message: /no role or label/,
    hint: /`load-host`/,
  },
  "an unknown parameter in a sweep": {
    text: `${header}${trial}${sweeps.replace("clients:", "‸client:")}`,
    path: "sweeps.load.cross.client",
    message: /no parameter is named `client`/,
    hint: /`clients`/,
  },
  "an unknown path in a sweep": {
    text: `${header}${trial}${sweeps.replace("clients:", "‸node.bach:")}`,
    path: "sweeps.load.cross.node.bach",
    message: /no parameter is named `node.bach`/,
    hint: /`node.batch`/,
  },
  "a value of the wrong type": {
    text: `${header}${trial}${sweeps.replace("[1, 2]", '[1, ‸"2"]')}`,
    path: "sweeps.load.cross.clients[1]",
    message: /`clients` is a number, not a text/,
    hint: /without the quotes/,
  },
  "a value instead of a tree": {
    text: `${header}${trial}${sweeps.replace("{ cross", "{ set: { node: ‸5 }, cross")}`,
    path: "sweeps.load.set.node",
    message: /a tree of parameters, not one value/,
  },
  "a value that isn't one of a parameter's choices": {
    text: `${header.replace("clients: 1", "clients: 1, mode: {default: fast, choices: [fast, slow]}")}${trial}${sweeps.replace("clients: [1, 2]", "mode: [fast, ‸slwo]")}`,
    path: "sweeps.load.cross.mode[1]",
    message: /not one of the choices of `mode`/,
    hint: /`slow`/,
  },
  "lists of different length that are zipped": {
    text: `${header}${trial}sweeps:\n  load: { zip: { clients: [1, 2], valueBytes: ‸[1, 2, 3] } }\n`,
    path: "sweeps.load.zip.valueBytes",
    message: /a list of 3 beside `clients` of 2/,
  },
  "a sweep without its deployment": {
    text: `${header}  other: { roles: { server: {} } }\n${trial}${sweeps.replace("load:", "‸load:")}`,
    path: "sweeps.load",
    message: /must say which `deployment`/,
    hint: /`cluster`, `other`/,
  },
  "an unknown deployment": {
    text: `${header}${trial}${sweeps.replace("{ cross", "{ deployment: ‸clutser, cross")}`,
    path: "sweeps.load.deployment",
    message: /no deployment is named `clutser`/,
    hint: /`cluster`/,
  },
  "an unknown service to wait for": {
    text: `${header}${trial.replace("ports: [rpc]", "after: ‸servers")}${sweeps}`,
    path: "trial.services.server.after",
    message: /no service is named `servers`/,
    hint: /`server`/,
  },
  "services that wait for each other": {
    text: `${header}${trial.replace("ports: [rpc]", "after: ‸b").replace("  jobs:", "    b: { on: server, run: x, after: server }\n  jobs:")}${sweeps}`,
    path: "trial.services.server.after",
    message: /waits for itself: server → b → server/,
  },
  "an unknown port to be ready at": {
    text: `${header}${trial.replace("ports: [rpc]", "ports: [rpc]\n      ready: { port: ‸rcp }")}${sweeps}`,
    path: "trial.services.server.ready.port",
    message: /no port of this service has that name/,
    hint: /`rpc`/,
  },
  "two ways to be ready": {
    text: `${header}${trial.replace("ports: [rpc]", "ready: ‸{ log: up, command: 'true' }")}${sweeps}`,
    path: "trial.services.server.ready",
    message: /needs exactly one of `port`, `http`, `log`, `command`/,
  },
  "an expression that names nothing": {
    text: `${header}${trial.replace("./load", "./load ${{ ‸parms.clients }}")}${sweeps}`,
    path: "trial.jobs.load.run",
    message: /nothing here is named `parms`/,
    hint: /`params`/,
  },
  "an expression's unknown parameter, on its own line": {
    text: `${header}${trial.replace("run: ./load", "run: |\n        ./a ${{ params.clients }}\n        ./b ${{ params.node.‸bach }}")}${sweeps}`,
    path: "trial.jobs.load.run",
    message: /no member `bach`/,
    hint: /`batch`/,
  },
  "an expression's unknown service": {
    text: `${header}${trial.replace("./load", "./load ${{ services.‸sever[0].address }}")}${sweeps}`,
    path: "trial.jobs.load.run",
    message: /no member `sever`/,
    hint: /`server`/,
  },
  "an expression's unknown port": {
    text: `${header}${trial.replace("./load", "./load ${{ services.server[0].ports.‸rcp }}")}${sweeps}`,
    path: "trial.jobs.load.run",
    message: /no member `rcp`/,
    hint: /`rpc`/,
  },
  "a list used like one of its items": {
    text: `${header}${trial.replace("./load", "./load ${{ services.server.‸address }}")}${sweeps}`,
    path: "trial.jobs.load.run",
    message: /a list has no member `address`/,
    hint: /`\[0\]`/,
  },
  "an address where there are no hosts yet": {
    text: `${header}${trial}${sweeps}variables: { a: "\${{ hosts.server[0].‸address }}" }\n`,
    path: "variables.a",
    message: /no member `address`/,
  },
  "an unknown function": {
    text: `${header}${trial.replace("./load", "./load ${{ ‸flor(1.5) }}")}${sweeps}`,
    path: "trial.jobs.load.run",
    message: /no function is named `flor`/,
    hint: /`floor`/,
  },
  "an expression that isn't closed": {
    text: `${header}${trial.replace("./load", '"./load ‸${{ params.clients"')}${sweeps}`,
    path: "trial.jobs.load.run",
    message: /without `}}`/,
  },
  "an expression with a mistake in it": {
    text: `${header}${trial.replace("./load", '"./load ${{ params.clients +‸ }}"')}${sweeps}`,
    path: "trial.jobs.load.run",
    message: /ends too early/,
  },
  "a value in a script that isn't the shell's": {
    text: `${header}${trial.replace("run: ./load", 'run: "#!/usr/bin/env python3\\nprint(${{ ‸params.clients }})"')}${sweeps}`,
    path: "trial.jobs.load.run",
    message: /can't be quoted for python3/,
    hint: /REPRISE_CONTEXT/,
  },
  "a loop in a command": {
    text: `${header}${trial.replace("./load", '"${{ ‸for x in [1] }}a${{ end }}"')}${sweeps}`,
    path: "trial.jobs.load.run",
    message: /`for` blocks are for files only/,
  },
  "a template that isn't there": {
    text: `${header}${trial.replace("run: ./load", "files: { c: { template: ‸c.tmpl } }\n      run: ./load")}${sweeps}`,
    path: "trial.jobs.load.files.c.template",
    message: /no such file/,
  },
  "an event that kills nothing": {
    text: `${header}${trial}  events: [{ name: k, at: 1s, kill: ‸servr }]\n${sweeps}`,
    path: "trial.events[0].kill",
    message: /no service is named `servr`/,
    hint: /`server`/,
  },
  "an event without a time": {
    text: `${header}${trial}  events: [‸{ name: k, kill: server }]\n${sweeps}`,
    path: "trial.events[0]",
    message: /exactly one of `at`, `onLog`/,
  },
  "a check of nothing": {
    text: `${header}${trial}  checks: [{ name: c, from: ‸laod, file: x, exists: true }]\n${sweeps}`,
    path: "trial.checks[0].from",
    message: /no service or job has that name/,
    hint: /`load`/,
  },
  "a regular expression that is none": {
    text: `${header}${trial}  checks: [{ name: c, from: load, file: x, mustMatch: ‸"(" }]\n${sweeps}`,
    path: "trial.checks[0].mustMatch",
    message: /not a regular expression/,
  },
  "a number's regular expression without a group": {
    text: `${header}${trial}  summary: { xMs: { from: load, file: x, regex: ‸"took [0-9]+ ms", stat: mean } }\n${sweeps}`,
    path: "trial.summary.xMs.regex",
    message: /has no group/,
    hint: /in parentheses/,
  },
  "a glob that no host can use": {
    text: `${header}${trial.replace("run: ./load", "collect: [out.csv, ‸../secret]\n      run: ./load")}${sweeps}`,
    path: "trial.jobs.load.collect[1]",
    message: /not a glob that collects files/,
    hint: /relative to the attempt folder/,
  },
  "an unknown statistic": {
    text: `${header}${trial}  summary: { xMs: { from: load, file: x, regex: "(1)", stat: ‸p101 } }\n${sweeps}`,
    path: "trial.summary.xMs.stat",
    message: /not a statistic/,
  },
  "a figure of an unknown sweep": {
    text: `${header}${trial}${sweeps}figures: { f: { module: f.ts, needs: [‸laod] } }\n`,
    path: "figures.f.needs[0]",
    message: /no sweep is named `laod`/,
    hint: /`load`/,
  },
  "an environment variable of ours": {
    text: `${header}${trial.replace("run: ./load", "env: { ‸REPRISE_SEED: 1 }\n      run: ./load")}${sweeps}`,
    path: "trial.jobs.load.env.REPRISE_SEED",
    message: /begin with REPRISE_/,
  },
  "a file outside its folder": {
    text: `${header}${trial.replace("run: ./load", "files: { ‸../c: { text: x } }\n      run: ./load")}${sweeps}`,
    path: 'trial.jobs.load.files["../c"]',
    message: /must stay inside its folder/,
  },
  "an unknown failure class": {
    text: `${header}${trial}${sweeps}retries: { ‸preemted: 3 }\n`,
    path: "retries.preemted",
    message: /not one of|Invalid|unknown/,
  },
  "a variable that uses a later one": {
    text: `${header}${trial}${sweeps}variables:\n  a: \${{ vars.‸b + 1 }}\n  b: 2\n`,
    path: "variables.a",
    message: /no member `b`/,
  },
  "a key twice": {
    text: `${header}${trial}${sweeps}‸name: again\n`,
    path: "name",
    message: /stands there already, in line 2/,
  },
  "an integer too large": {
    text: `${header.replace("clients: 1", "clients: ‸12345678901234567890")}${trial}${sweeps}`,
    path: "parameters.clients",
    message: /too large to be kept exactly/,
  },
  "an expression that YAML takes apart": {
    text: `${header}${trial}${sweeps}variables:\n  a: ‸\${{ params.clients > 1 ? 2 : 3 }}\n`,
    path: "",
    message: /not YAML/,
    hint: /needs quotes/,
  },
};

const unmarked = (text: string): string => text.replace(mark, "");
const markedPlace = (text: string): string => {
  const before = text.slice(0, text.indexOf(mark)).split("\n");
  return `${before.length}:${(before.at(-1) ?? "").length + 1}`;
};

type Place = readonly (string | number)[];

const placesIn = (value: unknown, at: Place = []): Place[] =>
  typeof value !== "object" || value === null
    ? []
    : Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
        const place = [...at, Array.isArray(value) ? Number(key) : key];
        return [place, ...placesIn(inner, place)];
      });

/** A definition with a field of another name, and with a value of another kind, at a place. */
function brokenAt(definition: unknown, place: Place): { readonly at: string; readonly definition: unknown }[] {
  const key = place.at(-1) ?? "";
  const edit = (change: (parent: Record<string | number, unknown>) => void): unknown => {
    const copy = structuredClone(definition);
    let parent = copy as Record<string | number, unknown>; // places come from walking this very tree
    for (const step of place.slice(0, -1)) parent = parent[step] as Record<string | number, unknown>;
    change(parent);
    return copy;
  };
  const otherKind = edit((parent) => (parent[key] = typeof parent[key] === "object" ? 7 : { bad: true }));
  const value = { at: formatPath(place), definition: otherKind };
  if (typeof key === "number") return [value];
  const otherName = edit((parent) => {
    parent[`${key}x`] = parent[key];
    Reflect.deleteProperty(parent, key);
  });
  return [value, { at: formatPath([...place.slice(0, -1), `${key}x`]), definition: otherName }];
}

describe("readDefinition", () => {
  it.each(Object.entries(mistakes))("tells %s where it stands", (_, mistake) => {
    const problems = problemsOf(unmarked(mistake.text));
    const found = problems.map((p) => ({ at: `${p.line}:${p.column}`, path: p.path }));
    expect(found).toEqual([{ at: markedPlace(mistake.text), path: mistake.path }]);
    expect(problems[0]?.message).toMatch(mistake.message);
    if (mistake.hint !== undefined) expect(problems[0]?.hint).toMatch(mistake.hint);
    expect(problems.map(formatProblem).join()).not.toContain("s3cret");
  });

  it("tells all mistakes at once, in the order of the file", () => {
    const text = `${header}${trial.replace("on: client", "on: clint").replace("./server", "./server ${{ parms }}")}${sweeps.replace("clients", "cleints")}`;
    expect(problemsOf(text).map((problem) => problem.line)).toEqual([12, 15, 18]);
  });

  it("tells of a name that stands there twice, and of all else that is wrong", () => {
    const text = `${header}${trial.replace("on: client", "on: client\n      on: clint")}${sweeps.replace("clients", "cleints")}`;
    expect(problemsOf(text).map(({ line, path }) => `${line} ${path}`)).toEqual([
      "16 trial.jobs.load.on",
      "16 trial.jobs.load.on",
      "19 sweeps.load.cross.cleints",
    ]);
  });

  it("tells all mistakes of form at once", () => {
    const text = `${header.replace("count: 2", "count: x").replace("roles", "rols")}${trial.replace("ports", "prots")}${sweeps.replace("cross", "corss")}`;
    expect(problemsOf(text).map((problem) => problem.message)).toEqual([
      "unknown field `rols`",
      "must be a number, not a text",
      "unknown field `prots`",
      "unknown field `corss`",
    ]);
  });

  it("tells mistakes of form and of meaning at once, each where the file has it", () => {
    const text = `${header.replace("clients: 1,", "clients: 1, mode: fast,")}trial:
  timeout: 30
  services:
    server:
      on: sevrer
      run: ./server \${{ params.client }}
      redy: { port: rpc }
    Other_1: { on: server, run: ./other }
  jobs:
    load: { on: client, run: "./load \${{ flor(2.5) }}", collect: out.csv }
  checks:
    - 5
    - { name: rows, from: laod, file: out.csv, rows: { mim: 2 } }
  events:
    - { name: Bad name, at: 2x, kill: sevrer }
sweeps:
  load: { cross: { cleints: [1, 2] }, trails: 3 }
  pairs: { zip: { clients: [1, 2], valueBytes: [1] }, order: randon }
figures:
  f: { module: f.ts, needs: [laod] }
`;
    expect(problemsOf(text).map((p) => `${p.line} ${p.path}: ${p.message}`)).toEqual([
      "8 trial.timeout: must be a text, not a number",
      "11 trial.services.server.on: no role or label has that name",
      "12 trial.services.server.run: no member `client`",
      "13 trial.services.server.redy: unknown field `redy`",
      "13 trial.services.server.redy.port: no port of this service has that name",
      "14 trial.services.Other_1: not a name: small letters, digits and hyphens, beginning and ending with a letter or digit",
      "16 trial.jobs.load.run: no function is named `flor`",
      "16 trial.jobs.load.collect: must be a list, not a text",
      "18 trial.checks[0]: must be a mapping, not a number",
      "19 trial.checks[1].from: no service or job has that name",
      "19 trial.checks[1].rows.mim: unknown field `mim`",
      "21 trial.events[0].name: not a name: small letters, digits and hyphens, beginning and ending with a letter or digit",
      "21 trial.events[0].at: not a time with its unit, such as `500ms`, `90s`, `5m` or `2h`",
      "21 trial.events[0].kill: no service is named `sevrer`",
      "23 sweeps.load.cross.cleints: no parameter is named `cleints`",
      "23 sweeps.load.trails: unknown field `trails`",
      "24 sweeps.pairs.zip.valueBytes: a list of 1 beside `clients` of 2",
      "24 sweeps.pairs.order: not one of the values that can stand here",
      "26 figures.f.needs[0]: no sweep is named `laod`",
    ]);
  });

  it.each(["roles", "labels"])("says nothing of who refers to %s that can't be read", (field) => {
    const broken = { roles: header.replace(/roles: .*/, "roles: 5"), labels: header.replace("[load-host]", "5") };
    const text = `${field === "roles" ? broken.roles : broken.labels}${trial.replace("on: client", "on: load-host")}${sweeps}`;
    expect(problemsOf(text).map((problem) => problem.path)).toEqual([expect.stringMatching(new RegExp(`${field}$`))]);
  });

  it("finds a single mistake wherever it is made in a definition, and says little else", () => {
    let sumTold = 0;
    let made = 0;
    for (const name of fixtureNames()) {
      const definition: unknown = parse(fixtureText(name), { merge: true });
      const places = placesIn(definition).filter(([top]) => top !== "parameters");
      for (let index = 0; index < places.length; index += Math.ceil(places.length / 15)) {
        for (const broken of brokenAt(definition, places[index] ?? [])) {
          if (definitionSchema.safeParse(broken.definition).success) continue; // a name or value that is the author's
          const text = stringify(broken.definition, { aliasDuplicateObjects: false });
          const told = problemsOf(text).filter((problem) => !problem.message.startsWith("no such file"));
          expect({ name, at: broken.at, told: told.map((p) => p.path) }).toMatchObject({
            told: expect.arrayContaining([expect.stringContaining(broken.at)]) as unknown,
          });
          sumTold += told.length;
          made += 1;
        }
      }
    }
    expect(made).toBeGreaterThan(100);
    expect(sumTold / made).toBeLessThan(1.3); // a mapping in place of a place has no region, and so on
  });

  it("prints a problem so that an editor can jump to it", () => {
    const [problem] = problemsOf(unmarked(mistakes["an unknown role"]?.text ?? ""));
    expect(problem === undefined ? "" : formatProblem(problem)).toBe(
      'experiment.yaml:15:11: trial.jobs.load.on: no role or label has that name ("clients")\n    did you mean `client`?',
    );
  });

  it("finds a mistake in a template file, at its own line", () => {
    const text = `${header}${trial.replace("run: ./load", "files: { c: { template: c.tmpl } }\n      run: ./load")}${sweeps}`;
    const result = readDefinition(
      text,
      "experiment.yaml",
      () => "first\n${{ for s in services.server }}\nx ${{ s.adress }}\n",
    );
    expect(result.ok ? [] : result.problems.map((p) => [p.file, p.line, p.column, p.message])).toEqual([
      ["c.tmpl", 2, 5, "`for` without `${{ end }}`"],
      ["c.tmpl", 3, 9, "no member `adress`"],
    ]);
  });

  it("takes JSON as it takes YAML", () => {
    const json = JSON.stringify({
      reprise: 1,
      name: "json",
      deployments: { cluster: { roles: { client: {} } } },
      trial: { jobs: { load: { on: "client", run: 'echo "${{ "a b" }}"' } } },
      sweeps: { load: {} },
    });
    expect(loadText(json).spec.sweeps["load"]?.trials).toBe(3);
  });

  it.each(["", "- a\n", "text", "null"])("refuses %j, which is no definition", (text) => {
    expect(problemsOf(text)).toHaveLength(1);
  });

  it("fills in defaults once", () => {
    const { spec } = loadText(definitionText());
    expect(spec.trial.timeout).toBe("30m");
    expect(spec.deployments["cluster"]?.roles["server"]?.count).toBe(1);
    expect(spec.setup.steps).toEqual([]);
  });

  it("reads every fixture", () => {
    expect(fixtureNames().length).toBeGreaterThanOrEqual(7);
    for (const name of fixtureNames()) expect(loadFixture(name).spec.name).toBe(loadFixture(name).spec.name);
  });

  it("does not let aliases grow without bound", () => {
    const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]"];
    for (const [inner, outer] of ["ab", "bc", "cd", "de", "ef", "fg"].map((pair) => [pair[0], pair[1]])) {
      bomb.push(
        `${outer}: &${outer} [*${inner},*${inner},*${inner},*${inner},*${inner},*${inner},*${inner},*${inner}]`,
      );
    }
    expect(problemsOf(bomb.join("\n")).length).toBeGreaterThan(0);
  });

  it("tells mistakes in a fixture that was edited badly", () => {
    const text = fixtureText("quickstart/quickstart").replaceAll("self.ports.log", "self.ports.lgo");
    expect(problemsOf(text).map((problem) => problem.hint)).toEqual(["did you mean `log`?"]);
  });
});
