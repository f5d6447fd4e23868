import { z } from "zod";
import { failureClasses } from "../errors/failure.ts";
import { reachModes } from "../names/reach.ts";
import { parseDurationMs, parseSizeBytes, parseRateBitsPerSec, parseShare } from "./quantities.ts";
import { hasExpressions } from "./template.ts";

/**
 * The definition file: what may stand in it, what each field means and what it is when left out.
 *
 * The reference in `docs/definition.md` and the JSON Schema for editors are made from this file, so descriptions are
 * written for someone who has never seen a definition.
 */

const isAmount = (parse: (text: string) => number) => (text: string) => {
  if (hasExpressions(text)) return true;
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
};

/** What a text field means beyond being a text; shown in the reference and used for messages. */
export type FieldKind = "duration" | "size" | "rate" | "share" | "script" | "template" | "expression";

const kind = (fieldKind: FieldKind) => ({ fieldKind });

const duration = z
  .string()
  .refine(isAmount(parseDurationMs), "not a time with its unit, such as `500ms`, `90s`, `5m` or `2h`")
  .meta(kind("duration"));
const size = z
  .string()
  .refine(isAmount(parseSizeBytes), "not a size with its unit, such as `512MiB`, `4GiB` or `2TB`")
  .meta(kind("size"));
const rate = z
  .string()
  .refine(isAmount(parseRateBitsPerSec), "not a rate with its unit, such as `10mbit` or `1gbit`")
  .meta(kind("rate"));
const share = z.string().refine(isAmount(parseShare), "not a share in percent, such as `1%`").meta(kind("share"));
const template = z.string().meta(kind("template"));
const script = z.string().min(1).meta(kind("script"));
const expressionText = z
  .string()
  .refine(hasExpressions, "not an expression: write `${{ … }}`")
  .meta(kind("expression"));

const slugPattern = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const slugMessage = "not a name: small letters, digits and hyphens, beginning and ending with a letter or digit";
const slug = z.string().max(40, "a name of more than 40 characters").regex(slugPattern, slugMessage);
const identifier = z
  .string()
  .max(60, "a name of more than 60 characters")
  .regex(/^[A-Za-z_]\w*$/, "not a name: letters, digits and `_`, beginning with a letter");
const fileName = z
  .string()
  .min(1)
  .refine((path) => !path.startsWith("/") && !path.split("/").includes(".."), "must stay inside its folder");
const octalMode = z.string().regex(/^[0-7]{3,4}$/, "not a file mode such as `644`, in quotes");
const oneOrMore = <T extends z.ZodType>(item: T) => z.union([item, z.array(item).nonempty()]);

/** One of the named members, and no second one, must be there. */
const exactlyOne =
  (names: readonly string[]) =>
  (value: object): boolean =>
    names.filter((name) => name in value).length === 1;
const oneOf = (names: readonly string[]): string => `needs exactly one of ${names.map((n) => `\`${n}\``).join(", ")}`;

const json: z.ZodType<z.core.util.JSONType> = z.json();
const tree = z.record(z.string(), json);

export const placementOnSchema = oneOrMore(slug).describe(
  "The role or label whose hosts take part; several: all of them, in the order of the deployment.",
);

export const placeSchema = z
  .union([
    z.string().min(1),
    z.strictObject({
      region: z.string().min(1).describe("The region."),
      zone: z.string().min(1).optional().describe("The zone in it; any if left out."),
    }),
  ])
  .describe("A region or zone in the cloud's own words: `eu-west-1`, `us-west1-b`, `westus2/2`, or `{region, zone}`.");

const perProvider = z.record(slug, z.string().min(1));

export const diskSchema = z.strictObject({
  kind: z
    .enum(["data", "localNvme"])
    .describe("`data`: a disk of its own; `localNvme`: the machine's fast local disk."),
  size: size.optional().describe("Needed for `data`; a local disk has the size it has."),
  mount: z
    .string()
    .startsWith("/", "not an absolute path")
    .optional()
    .describe("Where it is mounted, formatted if need be."),
  fileSystem: z.enum(["ext4", "xfs"]).default("ext4").describe("The file system it gets."),
});

export const machineSchema = z.strictObject({
  vcpu: z.int().min(1).optional().describe("At least so many virtual CPUs."),
  memory: size.optional().describe("At least so much memory."),
  arch: z.enum(["x86_64", "arm64"]).optional().describe("The processor's architecture; x86_64 unless said otherwise."),
  disk: size.optional().describe("The size of the boot disk."),
  disks: z.array(diskSchema).optional().describe("More disks."),
  type: z
    .union([z.string().min(1), perProvider])
    .optional()
    .describe(
      "The cloud's own machine type, for all providers or by provider (`{aws: c5d.2xlarge, gcp: n2-highcpu-8}`). Without it the cheapest that has `vcpu` and `memory`.",
    ),
  options: z
    .record(slug, z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])))
    .optional()
    .describe(
      "Rare options of one cloud, by provider (`{aws: {placementGroup: cluster}}`), checked by it and passed on.",
    ),
});

export const limitsSchema = z.strictObject({
  memory: size.optional().describe("A process tree that needs more is killed, or swaps if `swap` allows."),
  swap: size.optional().describe("How much of it may be swapped out; `0B`: nothing."),
  cpus: template.optional().describe("The CPUs it may use, by number: `0-3,8`."),
  log: size.optional().describe("stdout and stderr stop growing here, each; the cut is reported. 1GiB if left out."),
});

export const mountSchema = z.strictObject({
  device: z.string().min(1).describe("What is mounted: `/dev/nvme1n1`, `tmpfs`."),
  path: z.string().startsWith("/", "not an absolute path").describe("Where."),
  options: z.string().default("defaults").describe("As in /etc/fstab."),
});

/** What a deployment says for all its hosts and a role for its own. */
const hostFields = {
  on: slug.optional().describe("The provider: `local`, `hosts`, `aws`, `azure` or `gcp`."),
  places: z
    .union([z.array(placeSchema).nonempty(), z.record(slug, z.array(placeSchema).nonempty())])
    .optional()
    .describe("Regions and zones in the order in which they are tried; a mapping where providers differ."),
  machine: machineSchema.optional().describe("What kind of machine. A role's fields win over the deployment's."),
  spot: z.boolean().optional().describe("Take spare capacity that the cloud may reclaim, where it is offered."),
  image: z
    .union([z.string().min(1), perProvider])
    .optional()
    .describe("The operating system's image: `ubuntu-24.04`, or the cloud's own id by provider."),
  user: z.string().min(1).optional().describe("The user that commands run as; `root` where the supervisor may."),
  reach: z
    .enum(reachModes)
    .optional()
    .describe(
      "How the control side gets to hosts on AWS: `open` (SSH from anywhere, keys only), `nat` (SSH from the deployed control plane's fixed address), `ssm` (Systems Manager: no inbound port; the machine needs `options: {aws: {instanceProfile: …}}` or a deployed control plane's own). Left out: as the control plane was set up; from this machine, `open`.",
    ),
  packages: z.array(z.string().min(1)).optional().describe("Packages of the distribution to install."),
  sysctl: z
    .record(z.string(), z.union([z.string(), z.number()]))
    .optional()
    .describe("Kernel settings: `{net.core.somaxconn: 4096}`."),
  swap: size.optional().describe("A swap file of this size."),
  mounts: z.array(mountSchema).optional().describe("Further mounts."),
  limits: limitsSchema.optional().describe("Limits for each service and job on these hosts, unless it has its own."),
};

export const roleSchema = z.strictObject({
  count: z.int().min(1).max(1_000).default(1).describe("How many hosts, in each lane."),
  scope: z
    .enum(["lane", "deployment"])
    .default("lane")
    .describe("`deployment`: the same hosts serve all lanes (a build host, monitoring)."),
  labels: z.array(slug).default([]).describe("Further names for these hosts, that `on:` can use."),
  ...hostFields,
});

export const givenMachineSchema = z.strictObject({
  address: z.string().min(1).describe("Where this machine reaches it."),
  privateAddress: z.string().min(1).optional().describe("Where the other hosts reach it, if elsewhere."),
  role: slug.describe("The role it takes; the first machine of a role is its host 0."),
  user: z.string().min(1).optional().describe("The login."),
  port: z.int().min(1).max(65_535).default(22).describe("The port of its SSH server."),
  key: z.string().min(1).optional().describe("The file with the private key."),
  hostKey: z
    .string()
    .startsWith("SHA256:", "not a fingerprint: it begins with `SHA256:`")
    .optional()
    .describe(
      "The fingerprint of the host's key, as `ssh-keygen -lf` prints it. Left out: it must stand in known_hosts already, for no host is trusted on first use.",
    ),
  lane: z.int().min(0).default(0).describe("The lane it belongs to, from 0."),
});

export const deploymentSchema = z.strictObject({
  ...hostFields,
  lanes: z.int().min(1).max(500).default(1).describe("How many trials run at the same time, each on hosts of its own."),
  lease: duration
    .default("12h")
    .describe("Hosts end by themselves so long after their creation unless the run extends it."),
  fallback: z
    .array(slug)
    .default([])
    .describe(
      "Clouds to try in order, after `on`, when every place of it has refused; all hosts go there together. Such trials are of another machine, so they count in this run alone.",
    ),
  straddle: z
    .enum(["nowhere", "zones", "regions", "clouds"])
    .default("nowhere")
    .describe(
      "How far apart trials of this deployment may be measured when its hosts are lost in the middle: in the `zones` of one region, in several `regions`, or on several `clouds` and machine types. `nowhere`: new hosts are of the same type in the same zone, or there are none.",
    ),
  machines: z.array(givenMachineSchema).optional().describe("For `on: hosts`: the machines there are."),
  clusterFile: z
    .string()
    .optional()
    .describe(
      "For `on: hosts`: a YAML or JSON file beside the definition that maps roles to such machines or addresses. It says how many hosts a role has. A file of FrankenPaxos' is read as it is.",
    ),
  roles: z
    .record(slug, roleSchema)
    .refine((roles) => Object.keys(roles).length > 0, "needs at least one role")
    .describe("The groups of hosts, by name."),
});

export const sourceSchema = z
  .strictObject({
    repository: z.string().min(1).optional().describe("A git URL."),
    commit: z
      .string()
      .min(1)
      .optional()
      .describe("The commit, tag or branch; it is resolved to a commit when planning."),
    path: z
      .string()
      .min(1)
      .optional()
      .describe("A local folder; its commit and its uncommitted changes are recorded and shipped."),
  })
  .refine((source) => (source.path === undefined) !== (source.repository === undefined), oneOf(["repository", "path"]));

const fileContents = ["text", "template", "json", "yaml", "toml"] as const;
export const fileSchema = z
  .strictObject({
    text: template.optional().describe("The content itself, with `${{ }}` and blocks."),
    template: fileName.optional().describe("A file beside the definition, with `${{ }}` and blocks."),
    json: json.optional().describe("Data, written as JSON; a text that is one `${{ }}` keeps the value's type."),
    yaml: json.optional().describe("Data, written as YAML."),
    toml: json.optional().describe("Data, written as TOML."),
    mode: octalMode.default("644").describe("The file's mode, octal, in quotes."),
  })
  .refine(exactlyOne(fileContents), oneOf(fileContents));

const envSchema = z
  .record(
    z.string().regex(/^[A-Za-z_]\w*$/, "not a name of an environment variable"),
    z.union([template, z.number(), z.boolean()]),
  )
  .describe("Environment variables.");

const whenField = z
  .union([z.boolean(), expressionText])
  .optional()
  .describe("Only for points where this is true: `${{ params.system == 'boki' }}`.");

const filesField = z
  .record(fileName, fileSchema)
  .default({})
  .describe("Files that the process finds in its folder, by name.");

/** What services, jobs and steps have in common. */
const processFields = {
  on: placementOnSchema,
  run: script.describe(
    "Text for `sh -e`, or for the interpreter that its `#!` line names. Values of `${{ }}` are quoted as the place asks for.",
  ),
  env: envSchema.default({}),
  files: filesField,
  user: z.string().min(1).optional().describe("Another user than the host's."),
  when: whenField,
};

export const publishSchema = z.strictObject({
  name: template.describe("What others fetch it by."),
  path: template.describe("The file, below the shared folder."),
  secret: z
    .boolean()
    .default(false)
    .describe("Goes from host to host, never through the store, and isn't kept as evidence."),
});

export const fetchSchema = z.strictObject({
  name: template.describe("What an earlier step published."),
  to: template.describe("Where it goes, below the shared folder."),
  mode: octalMode.default("644").describe("The file's mode, octal, in quotes."),
});

const afterField = (what: string) => oneOrMore(slug).optional().describe(`Starts when these ${what} are done.`);

export const stepSchema = z.strictObject({
  name: slug.describe("What `after:` and messages call it."),
  ...processFields,
  run: script.optional().describe("Text for `sh -e` in the shared folder, which later steps and all trials see."),
  after: afterField("steps").describe("Starts when these steps are done on all their hosts; else with the first."),
  each: expressionText
    .optional()
    .describe(
      "Runs once for each item of this list, which `${{ each }}` then is: `${{ planned.system }}`, the values that are planned.",
    ),
  publish: z.array(publishSchema).default([]).describe("Files to hand to other hosts."),
  fetch: z.array(fetchSchema).default([]).describe("Files to take before it runs."),
  deployments: z.array(slug).optional().describe("Only in these deployments."),
  timeout: duration.default("20m").describe("Longest time for one host."),
});

export const setupSchema = z.strictObject({
  timeout: duration.default("1h").describe("Longest time for the whole set-up."),
  steps: z.array(stepSchema).default([]).describe("What is done once on a deployment's hosts, before the first trial."),
});

const readyForms = ["port", "http", "log", "command"] as const;
export const readySchema = z.union([
  z.literal("exit"),
  z
    .strictObject({
      port: z
        .union([slug, z.int().min(1).max(65_535), expressionText])
        .optional()
        .describe("Something listens on this port: a name from `ports:`, or a number."),
      http: template.optional().describe("This URL answers with 200 to 299."),
      log: template.optional().describe("A line of its output matches this POSIX basic regular expression."),
      command: script.optional().describe("This command exits with 0."),
    })
    .refine(exactlyOne(readyForms), oneOf(readyForms)),
]);

export const stopSchema = z.strictObject({
  signal: z.enum(["TERM", "INT", "KILL"]).default("TERM").describe("What it is sent."),
  grace: duration.default("10s").describe("How long it may take before it is killed."),
});

const armField = z
  .enum(["each", "shared"])
  .default("each")
  .describe("In a duet: started once for A and once for B, or one for both.");

export const containerSchema = z.strictObject({
  image: template.describe("The image, as the engine knows it; its digest is kept as evidence."),
  engine: template.default("docker").describe("The command: `docker`, `podman`, or one that takes the same words."),
  copy: z
    .array(template)
    .default([])
    .describe(
      "Files and folders of the container, by absolute path, that are copied into the process's folder when it has ended, also when it failed. What must be there stands in `collect:`, too.",
    ),
  options: z.array(template).default([]).describe("Further words for the engine's `create`: `--ipc=host`."),
  keep: z.boolean().default(false).describe("Leave the container behind, to look at."),
  diskFree: size
    .optional()
    .describe("What images and containers need of the engine's disk: a host with less free is refused."),
});

const containerField = containerSchema
  .optional()
  .describe(
    "`run:` goes on in a fresh container, in the folder of its image. The folders of the trial and the bundle are there under the same paths, and so are the variables.",
  );

const countField = z
  .union([z.int().min(0).max(100_000), expressionText])
  .optional()
  .describe("How many processes, dealt out to the hosts in turn; one for each host if left out.");

const dealField = z
  .enum(["turns", "blocks"])
  .default("turns")
  .describe(
    "How processes are dealt out: one to each host in turn, or a block of neighbours to the first host, the next to the second.",
  );

const portsField = z
  .union([
    z.array(identifier),
    z.record(identifier, z.union([z.literal("auto"), z.int().min(1).max(65_535), expressionText])),
  ])
  .default([])
  .describe("Names of ports it listens on; each process gets free ones (`self.ports.name`), or fixed ones by number.");

export const serviceSchema = z.strictObject({
  ...processFields,
  count: countField,
  deal: dealField,
  offset: z
    .union([z.int().min(0), expressionText])
    .optional()
    .describe("The host at which dealing out begins, from 0."),
  ports: portsField,
  ready: readySchema
    .optional()
    .describe("How to see that it can be used. `exit`: it is a command, and ready when it ended with 0."),
  readyTimeout: duration.default("60s").describe("Longest time until ready."),
  stop: stopSchema.prefault({}).describe("How it is ended."),
  after: afterField("services").describe("Starts when these services are ready; else with the first."),
  limits: limitsSchema.optional().describe("Limits for each process."),
  container: containerField,
  collect: z
    .array(template)
    .default([])
    .describe("Files of its folder to keep, as globs; each must be there. Output is always kept."),
  arm: armField,
});

export const jobSchema = z.strictObject({
  ...processFields,
  count: countField,
  deal: dealField,
  ports: portsField,
  after: afterField("jobs").describe("Starts when these jobs have ended; else all start together."),
  timeout: duration.optional().describe("Longest time; the trial's if left out."),
  limits: limitsSchema.optional().describe("Limits for each process."),
  container: containerField,
  collect: z
    .array(template)
    .default([])
    .describe("Files of its folder to keep, as globs; each must be there. Output is always kept."),
  arm: armField,
});

export const shapeSchema = z
  .strictObject({
    from: placementOnSchema.describe("Hosts whose sending is shaped."),
    to: placementOnSchema.describe("Hosts they send to."),
    rate: rate.optional().describe("At most so many bits a second."),
    delay: duration.optional().describe("Added to each packet, where the kernel can."),
    loss: share.optional().describe("Share of packets lost, where the kernel can."),
  })
  .refine((shape) => "rate" in shape || "delay" in shape || "loss" in shape, "needs `rate`, `delay` or `loss`");

const targetPattern = /^([a-z0-9-]+)(?:\[(\d+|\$\{\{.*\}\})\])?$/s;
const target = z
  .string()
  .regex(targetPattern, "not a service: write `server` for all its processes or `server[0]` for one")
  .meta(kind("template"));

const eventActions = ["kill", "pause", "resume", "restart", "shape", "run"] as const;
const eventTimes = ["at", "onLog"] as const;
export const eventSchema = z
  .strictObject({
    name: slug.describe("What marks in figures call it."),
    at: duration.optional().describe("So long after the jobs' start."),
    onLog: z
      .strictObject({
        of: target.describe("The service or job whose output is watched, on the same host."),
        pattern: template.describe("A POSIX basic regular expression that a line matches."),
      })
      .optional()
      .describe("As soon as a line of output matches."),
    during: slug.optional().describe("The job whose start counts; the last stage of jobs if left out."),
    kill: target.optional().describe("Kills this service, without warning."),
    pause: target.optional().describe("Stops it from running (SIGSTOP); undone at the end."),
    resume: target.optional().describe("Lets it run again (SIGCONT)."),
    restart: target.optional().describe("Kills it and starts it again."),
    shape: shapeSchema.optional().describe("Slows or loses packets between hosts; undone at the end."),
    run: z
      .strictObject({
        on: placementOnSchema,
        script: script.describe("What happens."),
        undo: script.optional().describe("What undoes it, when the jobs end."),
      })
      .optional()
      .describe("Anything else; `undo` runs when the jobs end."),
    when: whenField,
  })
  .refine(exactlyOne(eventActions), oneOf(eventActions))
  .refine(exactlyOne(eventTimes), oneOf(eventTimes));

const landed = {
  from: slug.describe("The service or job whose folder holds the file; those of all its processes count."),
  file: z.string().min(1).describe("The file's name, with `*`; `stdout` and `stderr` are the output."),
};

const range = z.strictObject({
  min: z.union([z.number(), expressionText]).optional().describe("At least so much."),
  max: z.union([z.number(), expressionText]).optional().describe("At most so much."),
});

const checkForms = ["exists", "rows", "bytes", "mustMatch", "mustNotMatch"] as const;
export const checkSchema = z
  .strictObject({
    name: slug.describe("What reports call it."),
    from: landed.from.optional(),
    file: landed.file.optional(),
    exists: z.literal(true).optional().describe("The file is there, from each process."),
    rows: range.optional().describe("How many lines it has, without a CSV's header, in each file."),
    bytes: range.optional().describe("How large each file is."),
    mustMatch: z.string().min(1).optional().describe("A regular expression that a line of each file matches."),
    mustNotMatch: z.string().min(1).optional().describe("A regular expression that no line of any file matches."),
    on: placementOnSchema.optional(),
    command: script
      .optional()
      .describe("Exits with 0 on each host, after the jobs ended and the services stopped, in the trial's folder."),
    when: whenField,
  })
  .refine(
    (check) =>
      check.command === undefined
        ? check.from !== undefined && check.file !== undefined && exactlyOne(checkForms)(check)
        : check.on !== undefined && check.file === undefined && check.from === undefined,
    `needs either \`from\`, \`file\` and exactly one of ${checkForms.map((n) => `\`${n}\``).join(", ")}, or \`on\` and \`command\``,
  );

/** Percentiles are nearest-rank. */
export const statistics = ["mean", "sum", "count", "min", "max", "median", "first", "last", "rate"] as const;
const statistic = z
  .union([z.enum(statistics), z.string().regex(/^p(?:\d{1,2}(?:\.\d+)?|100)$/, "not a statistic")])
  .describe(
    "`mean`, `sum`, `count`, `min`, `max`, `median`, `first`, `last`, a nearest-rank percentile such as `p99` or `p99.9`, or `rate`: the number of values after the first, divided by last minus first of them.",
  );

const metricForms = ["csv", "regex", "json"] as const;
export const metricSchema = z
  .strictObject({
    ...landed,
    csv: z
      .strictObject({
        column: z.string().min(1).describe("The column's name in the header."),
        where: z
          .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
          .default({})
          .describe("Only rows with these values."),
      })
      .optional()
      .describe("Numbers from a CSV file with a header."),
    regex: z
      .string()
      .min(1)
      .optional()
      .describe("A regular expression whose first group is a number, tried on each line."),
    json: z.string().min(1).optional().describe("A path such as `results.0.mean`; `*` stands for all items."),
    stat: statistic,
    scale: z
      .union([z.number(), expressionText])
      .default(1)
      .describe("The result is multiplied by this: to change units."),
  })
  .refine(exactlyOne(metricForms), oneOf(metricForms));

export const collectSchema = z.strictObject({
  on: placementOnSchema,
  files: z.array(template).nonempty().describe("Globs below the trial's folder on the host: `server-0/data/*.log`."),
  required: z.boolean().default(true).describe("A missing file makes the trial fail."),
});

export const trialSchema = z.strictObject({
  timeout: duration
    .default("30m")
    .describe(
      "Longest time for one trial, from services to evidence. May depend on parameters: `${{ params.seconds + 60 }}s`.",
    ),
  expected: duration.optional().describe("How long a trial usually takes, for quotes; the timeout if left out."),
  env: envSchema.default({}).describe("Environment variables for every process."),
  reset: z
    .array(
      z.strictObject({
        on: placementOnSchema,
        run: script.describe("Text for `sh -e`, in a folder of its own."),
        when: whenField,
      }),
    )
    .default([])
    .describe("Commands before each trial, after leftovers were killed and folders emptied."),
  services: z.record(slug, serviceSchema).default({}).describe("What must be up while jobs run, by name."),
  jobs: z
    .record(slug, jobSchema)
    .default({})
    .describe("What is measured, by name: started together on all hosts, run to their end."),
  events: z.array(eventSchema).default([]).describe("What happens to the system while jobs run."),
  collect: z.array(collectSchema).default([]).describe("Further files to keep."),
  checks: z.array(checkSchema).default([]).describe("What must hold for a result to be valid."),
  summary: z
    .record(identifier, metricSchema)
    .default({})
    .describe("Metrics that are printed as each trial ends, by name; the unit is the name's last word: `p99Ms`."),
});

const axisValues = z.union([z.array(json).nonempty(), expressionText]);
const overrides = tree.describe("Parameters by dotted path or as a tree.");

export const compareSchema = z.strictObject({
  A: overrides.default({}).describe("What A sets."),
  B: overrides
    .optional()
    .describe("What B sets. Left out: the same as A, which shows how often a difference is found where there is none."),
  mode: z
    .enum(["interleaved", "duet", "independent"])
    .default("interleaved")
    .describe(
      "`interleaved`: one after the other on the same hosts, without letting go; `duet`: at the same time on the same hosts, in one trial; `independent`: as points of their own.",
    ),
  pattern: z
    .enum(["ABBA", "AB", "random"])
    .default("ABBA")
    .describe(
      "Who is first: in an interleaved block, and by a moment in a duet. `ABBA`: the sides take turns; `AB`: always A; `random`: drawn for each pair with the definition's seed.",
    ),
  barrier: z
    .boolean()
    .default(false)
    .describe(
      "In a duet: the sides wait for each other before every iteration, through the pipes `REPRISE_BARRIER_SEND` and `REPRISE_BARRIER_WAIT`. Else they start together and drift freely.",
    ),
  place: z
    .enum(["free", "split", "same"])
    .default("free")
    .describe(
      "The CPUs of a side's processes. `split`: A and B have CPUs of their own, and change them every second trial; `same`: they share theirs; `free`: the kernel decides.",
    ),
  cpus: z
    .int()
    .min(1)
    .max(1_024)
    .optional()
    .describe(
      "How many CPUs a side needs. A machine with fewer than a pair needs is refused. Left out: half of the machine's with `split`, all of them with `same`.",
    ),
});

export const sweepSchema = z.strictObject({
  deployment: slug.optional().describe("Where it runs; needed when there are several."),
  set: overrides.default({}).describe("Parameters that all its points share."),
  variants: z
    .record(slug, overrides)
    .optional()
    .describe(
      "Named settings that are compared, each a set of parameters; an axis like those of `cross`, and the slowest.",
    ),
  cross: z
    .record(z.string(), axisValues)
    .optional()
    .describe("Lists of values, by parameter; every combination is a point, the first parameter the slowest."),
  zip: z
    .union([z.record(z.string(), axisValues), z.array(z.record(z.string(), axisValues)).nonempty()])
    .optional()
    .describe("Lists of the same length that go together, item by item; each such group is one axis."),
  points: z.array(overrides).nonempty().optional().describe("Settings written out, as one axis."),
  include: z.array(overrides).default([]).describe("Points to add to the combinations."),
  exclude: z.array(overrides).default([]).describe("Points to leave out: those that have all these values."),
  compare: compareSchema.optional().describe("An A/B comparison at each point."),
  trials: z.int().min(1).max(10_000).default(3).describe("How often each point is measured."),
  repeat: z
    .enum(["passes", "adjacent", "mixed"])
    .default("passes")
    .describe(
      "`passes`: the whole list, then the whole list again, so that drift spreads over all points; `adjacent`: a point's trials in a row; `mixed`: all trials in one list, for `order: random`.",
    ),
  order: z
    .enum(["inOrder", "random", "interleaved"])
    .default("inOrder")
    .describe(
      "`inOrder`: as written; `random`: shuffled with the definition's seed, each pass for itself; `interleaved`: the slowest axis becomes the fastest, so that what is compared alternates.",
    ),
});

const wherePoints = z.strictObject({
  sweep: slug.describe("The sweep."),
  where: z.record(z.string(), json).default({}).describe("Only points with these values, or one of a list of values."),
});

export const figureSchema = z.strictObject({
  module: fileName.describe("The TypeScript module that makes it from rows."),
  needs: z
    .array(z.union([slug, wherePoints]))
    .nonempty()
    .describe("The sweeps, or the points of them, that it shows."),
  title: z.string().optional().describe("For the gallery."),
});

export const claimSchema = z.strictObject({
  name: slug.describe("What reports call it."),
  text: z.string().optional().describe("The claim in the paper's words."),
  metric: z
    .string()
    .min(1)
    .describe(
      "A column: a metric of `summary:` or of the experiment's rows; `METRIC.ratio` where the sweep compares: B over A, pair by pair.",
    ),
  of: wherePoints.describe("The points it speaks of."),
  reduce: z
    .enum(["median", "mean", "min", "max"])
    .default("median")
    .describe("How the points of one pass become one number."),
  relativeTo: wherePoints.optional().describe("The claim is the ratio to these points."),
  paper: z.union([z.number(), z.string()]).describe("What the paper says."),
  tolerance: share.optional().describe("How far a reproduction may be off."),
  source: z.string().optional().describe("Where the paper says it: `Figure 7`."),
});

const binarySchema = z
  .strictObject({
    path: z.string().startsWith("/", "not an absolute path").optional().describe("The program on the hosts."),
    url: z.string().min(1).optional().describe("A release's `.tar.gz`, which hosts download."),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "not a SHA-256 in hex")
      .optional()
      .describe("The digest that the download must have; needed with `url`."),
  })
  .refine(exactlyOne(["path", "url"]), oneOf(["path", "url"]))
  .refine((binary) => "url" in binary === "sha256" in binary, "`url` and `sha256` go together");

const binaryField = (what: string) =>
  binarySchema.optional().describe(`Where ${what} comes from; the distribution's package if left out.`);

export const monitorTargetSchema = z
  .strictObject({
    of: oneOrMore(slug).optional().describe("Services or jobs, each of whose processes is scraped."),
    on: placementOnSchema.optional().describe("Hosts instead: what listens on a port there anyway."),
    port: z
      .union([identifier, z.int().min(1).max(65_535)])
      .default("metrics")
      .describe("The port: of a process by its name in `ports:`, of a host by number."),
    path: template.default("/metrics").describe("The path of the metrics."),
    job: template.optional().describe("The label `job`; the service's name, with `_` for `-`, if left out."),
    interval: duration.optional().describe("As `interval` of all targets."),
    labels: z
      .record(identifier, template)
      .default({})
      .describe("More labels, beside `run`, `point`, `trial`, `attempt`, `host`, `role` and `unit`."),
  })
  .refine(exactlyOne(["of", "on"]), oneOf(["of", "on"]));

const monitorPanelSchema = z.strictObject({
  title: z.string().min(1).describe("Its heading."),
  queries: z
    .record(z.string().min(1), z.string().min(1))
    .refine((queries) => Object.keys(queries).length > 0, "needs at least one query")
    .describe(
      'PromQL by legend: `{"{{unit}}": "rate(requests_total[1s])"}`. `$point`, `$trial` and `$host` are what the reader chose.',
    ),
  unit: z.string().min(1).default("short").describe("Grafana's name of the unit: `s`, `ms`, `ops`, `bytes`."),
});

export const monitorPanelsSchema = z.array(monitorPanelSchema).nonempty();

export const monitoringSchema = z.strictObject({
  on: slug
    .optional()
    .describe(
      "The role or label on whose first host Prometheus runs; a host of its own, role `monitoring`, if left out.",
    ),
  machine: machineSchema.optional().describe("The machine of that host of its own."),
  switch: z
    .string()
    .min(1)
    .optional()
    .describe("A parameter: only points where it is true are monitored. All of them if left out."),
  interval: duration.default("1s").describe("How often targets are scraped."),
  targets: z
    .array(monitorTargetSchema)
    .nonempty()
    .optional()
    .describe("What is scraped; every service and job with a port named `metrics` if left out."),
  nodes: z
    .boolean()
    .default(true)
    .describe("Whether a node exporter runs on every host, for its CPU, memory, disk and network."),
  jobPrefix: template.optional().describe("Stands before every target's `job`: `${{ params.protocol }}_`."),
  maxSize: size
    .default("256MiB")
    .describe("A trial's metrics are kept up to this size, compressed; a larger set is left out, and a file says so."),
  prometheus: binaryField("Prometheus"),
  nodeExporter: binaryField("the node exporter"),
  dashboards: z
    .record(slug, z.union([monitorPanelsSchema, fileName]))
    .default({})
    .describe(
      "Dashboards of your own for `reprise monitor`, by name: their panels, two in a row, or a YAML file beside the definition with such a list.",
    ),
});

export const retriesSchema = z
  .partialRecord(z.enum(failureClasses), z.int().min(1).max(20))
  .describe("How often a trial is tried in all when it fails for a reason of this class.");

export const definitionSchema = z
  .strictObject({
    $schema: z.string().optional().describe("For editors."),
    reprise: z.literal(1).describe("The version of this format."),
    name: slug.describe("The experiment's name, part of every run's id."),
    title: z.string().min(1).optional().describe("One line for lists and galleries; the name if left out."),
    question: z.string().optional().describe("What the experiment finds out."),
    paper: z
      .strictObject({
        title: z.string().min(1).describe("Its title."),
        url: z.string().optional().describe("Where it can be read."),
        doi: z.string().optional().describe("Its DOI."),
        venue: z.string().optional().describe("Where it appeared: `OSDI 2021`."),
      })
      .optional()
      .describe("The paper whose results it reproduces."),
    parameters: tree
      .default({})
      .describe(
        "What can be varied, with default values; mappings make trees. A mapping with `default` declares one parameter with more to say: `type` (`any`, `number`, `text`, `boolean`, `list`, `tree`), `unit`, `choices`, `description`.",
      ),
    variables: z
      .record(identifier, json)
      .default({})
      .describe(
        "Values derived from parameters, by name: `pages: ${{ floor(params.memoryMiB * 16) - 1536 }}`. Each may use those above it.",
      ),
    seed: z.int().min(0).max(4_294_967_295).default(1).describe("Makes random orders and the trials' own seeds."),
    sources: z
      .record(slug, sourceSchema)
      .default({})
      .describe("The code under test, recorded and part of a trial's identity."),
    bundle: z
      .array(z.string().min(1))
      .default(["scripts/**", "files/**", "src/**"])
      .describe(
        "Which files beside the definition are shipped to hosts, as globs. What isn't shipped can change without a rerun.",
      ),
    facts: z
      .record(identifier, script)
      .default({})
      .describe(
        "Commands whose first line of output is kept as a version of what ran: `{redis: redis-server --version}`.",
      ),
    resources: z
      .record(
        slug,
        z
          .strictObject({
            kind: z.string().min(1).optional().describe("A built-in kind, such as `aws:dynamodb-table`."),
            options: z.record(z.string(), json).default({}).describe("What the kind wants to know."),
            on: placementOnSchema.optional().describe("Where the commands run."),
            create: script.optional().describe("Makes it; may be repeated."),
            ready: script.optional().describe("Exits with 0 when it can be used."),
            delete: script.optional().describe("Removes it; may be repeated."),
            deployments: z.array(slug).optional().describe("Only for these deployments."),
            timeout: duration.default("10m").describe("Longest time for each command."),
          })
          .refine(
            (r) =>
              r.kind === undefined
                ? r.on !== undefined && r.create !== undefined && r.delete !== undefined
                : r.create === undefined,
            "needs either `kind`, or `on`, `create` and `delete`",
          ),
      )
      .default({})
      .describe(
        "Things that live as long as a deployment and aren't hosts: tables, buckets. They get intents and receipt lines.",
      ),
    deployments: z
      .record(slug, deploymentSchema)
      .refine((deployments) => Object.keys(deployments).length > 0, "needs at least one deployment")
      .describe("Hosts and network, by name."),
    setup: setupSchema.prefault({}).describe("What is done once on a deployment's hosts."),
    trial: trialSchema.describe("One measurement."),
    monitoring: monitoringSchema
      .optional()
      .describe("Prometheus beside every trial: its metrics land with the evidence; `reprise monitor` serves them."),
    sweeps: z
      .record(slug, sweepSchema)
      .refine((sweeps) => Object.keys(sweeps).length > 0, "needs at least one sweep")
      .describe("Which points are measured, by name."),
    mixSweeps: z
      .boolean()
      .default(false)
      .describe(
        "Shuffles the blocks of all sweeps together, with the seed (randomised interleaved trials), instead of one sweep after the other.",
      ),
    figures: z.record(slug, figureSchema).default({}).describe("The plots, by name."),
    claims: z.array(claimSchema).default([]).describe("What the paper states, to be compared with what comes out."),
    budget: z
      .strictObject({
        dollars: z.number().positive().optional().describe("No trial starts that could exceed it."),
        dollarsPerHour: z.number().positive().optional().describe("No deployment starts that costs more an hour."),
      })
      .default({})
      .describe("Limits on money."),
    retries: retriesSchema.default({}),
    failures: z
      .array(
        z.strictObject({
          matches: z.string().min(1).describe("A regular expression that the failure's message matches."),
          class: z.enum(failureClasses).describe("The class it is then taken for."),
        }),
      )
      .default([])
      .describe("Failures that mean something else in this system: the first that matches decides."),
    stopAfterFailures: z.int().min(1).optional().describe("Ends the run after so many failed trials."),
  })
  .meta({ title: "reprise experiment definition" });

/** A definition as the core sees it: defaults filled in. */
export type Definition = z.output<typeof definitionSchema>;
export type DeploymentSpec = z.output<typeof deploymentSchema>;
export type RoleSpec = z.output<typeof roleSchema>;
export type MachineSpec = z.output<typeof machineSchema>;
export type LimitsSpec = z.output<typeof limitsSchema>;
export type StepSpec = z.output<typeof stepSchema>;
export type ServiceSpec = z.output<typeof serviceSchema>;
export type JobSpec = z.output<typeof jobSchema>;
export type EventSpec = z.output<typeof eventSchema>;
export type FileSpec = z.output<typeof fileSchema>;
export type CheckSpec = z.output<typeof checkSchema>;
export type ContainerSpec = z.output<typeof containerSchema>;
export type MetricSpec = z.output<typeof metricSchema>;
export type SweepSpec = z.output<typeof sweepSchema>;
export type PlaceSpec = z.output<typeof placeSchema>;
export type GivenMachineSpec = z.output<typeof givenMachineSchema>;
export type MonitoringSpec = z.output<typeof monitoringSchema>;
export type MonitorPanelSpec = z.output<typeof monitorPanelSchema>;
export type MonitorTargetSpec = z.output<typeof monitorTargetSchema>;
export type WherePoints = z.output<typeof wherePoints>;
