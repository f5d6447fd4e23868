import { Argument, Command, CommanderError, Option } from "commander";
import type { StackRef } from "./deployed/stack.ts";
import type { CommandContext } from "./context.ts";
import { createOutput, reportError } from "./output.ts";

/**
 * The command line: parses flags, calls, prints. Each command's code is loaded when it is asked for, so that `--help`
 * answers at once.
 */
interface Globals {
  readonly json: boolean;
  readonly home?: string;
  readonly engine?: "embedded" | "aws";
  readonly profile?: string;
  readonly region?: string;
  readonly stack?: string;
}

type Action<A extends unknown[]> = (context: CommandContext, ...args: A) => Promise<number | undefined>;

const version = "0.1.0";

/** Asked of the words themselves: what is wrong with them is told as JSON, too. */
function isForPrograms(): boolean {
  const words = process.argv.slice(2);
  const end = words.indexOf("--");
  return words.slice(0, end < 0 ? undefined : end).includes("--json");
}

function buildProgram(): Command {
  const program = new Command("reprise")
    .description(
      "Declare a systems-research benchmark once; rerun it on AWS, Azure, Google Cloud or this machine;\nget the paper's figures back, with evidence.",
    )
    .version(version)
    .option("--json", "print results as JSON", false)
    .option(
      "--home <folder>",
      "where the embedded engine keeps its store and state",
      process.env["REPRISE_HOME"] ?? ".reprise",
    )
    .addOption(
      new Option("--engine <engine>", "what drives runs: this machine, or the control plane deployed to AWS")
        .choices(["embedded", "aws"])
        .default(process.env["REPRISE_ENGINE"] ?? "embedded"),
    )
    .option("--stack <name>", "the deployed control plane's stack", process.env["REPRISE_STACK"] ?? "reprise")
    .option("--region <region>", "AWS region of the stack")
    .option("--profile <name>", "AWS profile to use")
    .showHelpAfterError("(reprise --help lists the commands)")
    .configureOutput({
      writeErr: (text) => {
        if (!isForPrograms()) process.stderr.write(text);
      },
    })
    .exitOverride();

  const experiment = "experiment's folder or its definition file";
  const selection = (command: Command): Command =>
    command
      .option("--only <sweep:filter...>", "only these sweeps, or their points that match name=value[,name=value]")
      .option("--figure <name>", "only the points that this figure needs")
      .option("--set <name=value...>", "other defaults of parameters: clients=8 node.batch=[1,2]")
      .option(
        "--on <place>",
        "run every deployment there instead: local, aws, azure, gcp, hosts; gcp:us-west1-b,us-east1",
      );

  program
    .command("init")
    .argument("<folder>", "folder to make")
    .description("make a new experiment that runs at once")
    .action(act(program, async () => (await import("./commands/init.ts")).init));
  program
    .command("validate")
    .argument("<experiment>", experiment)
    .description("check a definition; every problem at once, with line and column")
    .action(act(program, async () => (await import("./commands/validate.ts")).validate));
  selection(
    program
      .command("plan")
      .argument("<experiment>", experiment)
      .option("--all", "list every trial")
      .option("--reuse", "less what has a valid result of any run in the store, as `run --reuse` has it")
      .description("show what a run would do, how long it takes and what it costs"),
  ).action(act(program, async () => (await import("./commands/plan.ts")).plan));
  selection(
    program
      .command("explain")
      .argument("<experiment>", experiment)
      .argument("[point]", "part of a point's key")
      .option("--run <run>", "against this run's results")
      .description("say why each trial would run, or why not"),
  ).action(act(program, async () => (await import("./commands/explain.ts")).explain));
  selection(
    program
      .command("run")
      .argument("<experiment>", experiment)
      .addOption(
        new Option("--until <phase>", "end after this phase")
          .choices(["provision", "prepare", "trials"])
          .default("trials"),
      )
      .option("--keep", "leave the deployments up; they still expire")
      .option("--on-deployment <id>", "use the hosts of a kept deployment")
      .option("--reuse", "take valid results of any run in the store")
      .option("--detach", "do not follow the run")
      .option("--yes", "do not ask for consent")
      .option("--figures", "draw the experiment's figures at the end")
      .description("run an experiment and follow it"),
  ).action(act(program, async () => (await import("./commands/run.ts")).run));

  const run = "<run>";
  const runHelp = "run id, or a part of it that names one run; `last` for the newest";
  program
    .command("watch")
    .argument(run, runHelp)
    .description("follow a run")
    .action(act(program, async () => (await import("./commands/watch.ts")).watch));
  program
    .command("status")
    .argument("[run]", runHelp)
    .description("how runs stand: trials, hosts, what each does, when it ends or dies")
    .action(act(program, async () => (await import("./commands/status.ts")).status));
  program
    .command("list")
    .description("list the runs in the store")
    .action(act(program, async () => (await import("./commands/list.ts")).list));
  program
    .command("history")
    .argument(run, runHelp)
    .option("--execution <name>", "this execution, or part of its name, instead of the run's newest")
    .option("--all", "list the executions of the run, and which trials each made")
    .description("print the event history of a run's state machine")
    .action(act(program, async () => (await import("./commands/history.ts")).history));
  program
    .command("logs")
    .argument(run, runHelp)
    .argument("[filter]", "part of the log's path: a point, a host, a unit")
    .option("-f, --follow", "go on as they grow")
    .option("-n, --lines <count>", "last lines of each", "20")
    .description("print the logs of a run's trials, finished or still running")
    .action(act(program, async () => (await import("./commands/logs.ts")).logs));
  program
    .command("ssh")
    .argument(run, runHelp)
    .argument("<host>", "host's name")
    .description("open a shell on a host of a run that is still up")
    .action(act(program, async () => (await import("./commands/ssh.ts")).ssh));
  program
    .command("exec")
    .argument(run, runHelp)
    .argument("<command...>", "command and its arguments, after --; a single word is a line for the shell")
    .option("--host <name...>", "only these hosts, or all of these roles")
    .description("run one command on all or some hosts")
    .action(act(program, async () => (await import("./commands/exec.ts")).exec));
  program
    .command("stop")
    .argument(run, runHelp)
    .option("--reason <text>", "why, for the record", "asked on the command line")
    .option("--now", "also stop what drives it at once: nothing more is collected, everything is taken down")
    .description("stop a run: nothing new starts, what ran is collected, everything is torn down")
    .action(act(program, async () => (await import("./commands/stop.ts")).stop));
  program
    .command("resume")
    .argument(run, runHelp)
    .option("--detach", "do not follow the run")
    .description("take a run up again where it ended")
    .action(act(program, async () => (await import("./commands/resume.ts")).resume));
  program
    .command("teardown")
    .argument(run, runHelp)
    .description("take down the deployments that a run kept or left")
    .action(act(program, async () => (await import("./commands/teardown.ts")).teardown));
  program
    .command("clean")
    .argument(run, runHelp)
    .option("--yes", "do not ask")
    .description("delete a run's evidence from the store")
    .action(act(program, async () => (await import("./commands/clean.ts")).clean));
  program
    .command("fetch")
    .argument(run, runHelp)
    .argument("<folder>", "where to")
    .description("copy a run's raw logs, verified; goes on where it was cut")
    .action(act(program, async () => (await import("./commands/fetch.ts")).fetch));
  program
    .command("verify")
    .argument(run, `${runHelp}; or a fetched folder`)
    .description("check every file of a run against its manifests, offline")
    .action(act(program, async () => (await import("./commands/verify.ts")).verify));
  program
    .command("results")
    .argument(run, runHelp)
    .addOption(new Option("--format <format>", "of the rows").choices(["csv", "json", "parquet"]).default("csv"))
    .option("-o, --output <file>", "write there instead of to stdout")
    .description("one row a trial: parameters and metrics")
    .action(act(program, async () => (await import("./commands/results.ts")).results));
  program
    .command("compare")
    .argument(run, `A: ${runHelp}; alone, both sides of its comparisons`)
    .argument("[run]", "B: another run, held against the first")
    .option(
      "--metric <name...>",
      "only these metrics of the summary, or FILE:COLUMN:STATISTIC of files that trials left",
    )
    .option("--point <text>", "only points whose key has this in it")
    .option("--margin <share>", "changes up to this don't matter", "1%")
    .option("-o, --output <folder>", "also draw there: a forest plot, the interval as trials come in, the pairs")
    .option("--confidence <share>", "of the intervals", "95%")
    .description("say whether B differs from A: same, different or cannot tell, and how many more trials would tell")
    .action(act(program, async () => (await import("./commands/compare.ts")).compare));
  program
    .command("figures")
    .argument("[experiment]", `${experiment}; all that have results without it`)
    .option("--run <run>", "from this run instead of the newest")
    .option("-o, --output <folder>", "where to", "figures")
    .option(
      "--from <folder>",
      "from another store (s3://BUCKET), or a paper's published results for experiments that can read them",
    )
    .option("--formats <list>", "only these: svg, png, pdf", "svg,png,pdf")
    .option("--gallery", "also one self-contained page of the run: figures, trials, receipt")
    .description("draw the figures again from the results in the store")
    .action(act(program, async () => (await import("./commands/draw-figures.ts")).drawFigures));
  program
    .command("notebooks")
    .argument("[notebook...]", "file, folder or system; all of notebooks/ without it")
    .option("-o, --output <folder>", "where the pages go", "figures/notebooks")
    .option("--data <folder>", "where files are that notebooks read, if not beside them or in an imported run")
    .description("run literate notebooks into pages; only cells that something changed for run again")
    .action(act(program, async () => (await import("./commands/notebooks.ts")).notebooks));
  program
    .command("import")
    .argument("<system>", "whose harness wrote them: frankenpaxos, duet")
    .argument("<path>", "folder with its results; for duet also its config (.yml) or its table (.csv)")
    .option("--all", "results of tuning sweeps too")
    .option("--strict", "exit with an error when a result can't be used")
    .option("-o, --output <folder>", "where to, for what becomes files and not a run: duet")
    .description("take results of another harness into the store as a run, or make verdicts and figures of them")
    .action(act(program, async () => (await import("./commands/import.ts")).importResults));
  program
    .command("export")
    .argument("<system>", "whose harness would have left them so: duet")
    .argument("<run>", runHelp)
    .argument("<folder>", "where to, a new one")
    .option("--suite <name>", "in the names; the experiment's without it")
    .option("--benchmark <parameter>", "that names benchmarks; `benchmark`, or the point, without it")
    .option("--file <name...>", "only results with these names; all that both sides left without it")
    .option("--point <text>", "only points whose key has this in it")
    .description("write a run's results as another harness names them, for its own scripts and for `import`")
    .action(act(program, async () => (await import("./commands/export.ts")).exportResults));
  program
    .command("claims")
    .argument(run, runHelp)
    .option("--experiment <folder>", "where the experiment is, if not below experiments/")
    .option("--strict", "exit with an error unless every claim holds")
    .description("judge what the paper states: its value, ours with an interval, the verdict, and what it would take")
    .action(act(program, async () => (await import("./commands/claims.ts")).claims));
  program
    .command("report")
    .argument("<run...>", runHelp)
    .option("-o, --output <folder>", "where to", "report")
    .option("--experiment <folder>", "where the experiment is, if not below experiments/")
    .option("--serve [port]", "serve it to this machine instead, kept up to date while the run goes on")
    .description("write a site of runs: figures, claims, every trial with its logs, timeline, receipt and bill")
    .action(act(program, async () => (await import("./commands/report.ts")).report));
  program
    .command("monitor")
    .argument(run, runHelp)
    .argument("[filter]", "part of a trial's path: a point, trial-0, attempt-2")
    .option("--port <port>", "where Prometheus listens on this machine; any that is free without it", "0")
    .option("--grafana-port <port>", "where Grafana listens", "0")
    .option("--prometheus <file>", "the program, if not on the PATH")
    .option("--grafana <folder>", "where Grafana is unpacked, if it isn't installed")
    .option("--no-grafana", "only Prometheus")
    .option("-o, --output <folder>", "keep Grafana's data source and dashboards there")
    .description("serve a run's metrics again: Prometheus, and Grafana with dashboards where there is one")
    .action(act(program, async () => (await import("./commands/monitor.ts")).monitor));
  program
    .command("machines")
    .option("--vcpu <count>", "at least so many virtual CPUs")
    .option("--memory <size>", "at least so much memory: 16GiB")
    .option("--arch <architecture>", "x86_64 or arm64")
    .option("--local-disk", "with fast local disks")
    .option("--on <cloud>", "only there: aws, azure, gcp")
    .option("--place <region>", "by the prices of this region")
    .option("--all", "everything that fits, cheapest first")
    .description("show which machine a neutral one becomes on each cloud, and its price")
    .action(act(program, async () => (await import("./commands/machines.ts")).machines));
  program
    .command("prices")
    .option("--on <cloud>", "only there: aws, azure, gcp")
    .option("--regions <region...>", "of these regions")
    .description("read today's prices from the clouds' price lists, for quotes and budgets")
    .action(act(program, async () => (await import("./commands/prices.ts")).prices));
  program
    .command("resources")
    .description("list what exists now on every configured cloud: age, owner, expiry, cost so far")
    .action(act(program, async () => (await import("./commands/resources.ts")).resources));
  program
    .command("reap")
    .argument("[run]", "everything that is tagged with this run, expired or not; a full id where the store is lost")
    .option("--dry-run", "only show what would be deleted")
    .option("--yes", "do not ask")
    .description("delete what outlived its expiry on every configured cloud, by tags alone")
    .action(act(program, async () => (await import("./commands/reap.ts")).reap));
  program
    .command("extend")
    .argument(run, runHelp)
    .argument("<duration>", "so long from now, at least: 90m, 12h")
    .description("let what a run has up live longer")
    .action(act(program, async () => (await import("./commands/extend.ts")).extend));
  program
    .command("deploy")
    .option("--providers <list>", "clouds whose hosts it may make", "aws")
    .option("--allowed-regions <list>", "AWS regions in which hosts may be made; the stack's own without it")
    .option("--alarm-email <address>", "who is told when something goes wrong")
    .option("--max-monthly-dollars <amount>", "an AWS budget on the account, told at 80 and 100 %")
    .option("--reaper-minutes <minutes>", "how often the reaper looks", "15")
    .addOption(
      new Option("--on-destroy <what>", "what becomes of the evidence with the stack")
        .choices(["keep", "delete"])
        .default("keep"),
    )
    .option("--host-vpc <id>", "a VPC of the region that is there already, for EC2 hosts")
    .addOption(
      new Option("--reach <mode>", "how EC2 hosts are reached: Systems Manager, SSH, or SSH from one fixed address")
        .choices(["ssm", "open", "nat"])
        .default("ssm"),
    )
    .option("--cold-after-days <days>", "when a run's files move to S3's cheaper class")
    .option("--evidence-days <days>", "when a run's files are deleted; never without it")
    .option("--max-run-dollars <amount>", "the largest budget that a run may have")
    .option("--max-lease-hours <hours>", "expiry of hosts at their creation, at most")
    .option("--bootstrap", "first prepare the account and region for the CDK, once")
    .option("--destroy", "take the control plane down instead")
    .option("--yes", "do not ask")
    .description("deploy the control plane to AWS: runs that need no laptop")
    .action(act(program, async () => (await import("./commands/deploy.ts")).deploy, "needsNoStore"));
  program
    .command("doctor")
    .description("look at everything that a run needs, and say what to mend")
    .action(act(program, async () => (await import("./commands/doctor.ts")).doctor, "needsNoStore"));
  program
    .command("secrets")
    .description("credentials that the deployed control plane uses")
    .command("set")
    .addArgument(new Argument("<cloud>", "whose credentials, from this environment").choices(["azure", "gcp"]))
    .description("move a cloud's credentials from this environment to the deployed control plane")
    .action(act(program, async () => (await import("./commands/secrets.ts")).setSecret, "needsNoStore"));
  return program;
}

/** Loads the command's code, runs it, and makes its error readable. */
function act<A extends unknown[]>(
  program: Command,
  load: () => Promise<Action<A>>,
  needsStore: "needsStore" | "needsNoStore" = "needsStore",
): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const globals = program.opts<Globals>();
    const output = createOutput({ json: globals.json });
    try {
      const engine = globals.engine ?? "embedded";
      const context: CommandContext = {
        output,
        engine,
        stack: stackRefOf(globals),
        home: needsStore === "needsStore" ? await homeOf(globals) : (globals.home ?? ".reprise"),
      };
      const action = await load();
      // commander hands over the arguments, the options, and at last the command itself.
      process.exitCode = (await action(context, ...(args.slice(0, -1) as A))) ?? 0;
    } catch (error) {
      process.exitCode = reportError(error, globals.json);
    }
  };
}

/** Where this command's runs are. The AWS SDKs read profile and region from the environment. */
async function homeOf(globals: Globals): Promise<string> {
  const stack = stackRefOf(globals);
  if (globals.engine !== "aws") return globals.home ?? ".reprise";
  const { homeOfStack } = await import("./deployed/stack.ts");
  return homeOfStack(stack);
}

function stackRefOf(globals: Globals): StackRef {
  if (globals.profile !== undefined) process.env["AWS_PROFILE"] = globals.profile;
  if (globals.region !== undefined) process.env["AWS_REGION"] = globals.region;
  return { stack: globals.stack ?? "reprise", region: process.env["AWS_REGION"] ?? "us-east-1" };
}

// `reprise history … | head` closes our stdout: that is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

try {
  await buildProgram().parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : 2;
  if (error.exitCode !== 0 && isForPrograms()) {
    const told = {
      class: "invalid",
      message: error.code === "commander.help" ? "no command is named" : error.message.replace(/^error: /, ""),
      hint: "`reprise --help` lists the commands",
    };
    process.stderr.write(`${JSON.stringify({ error: told })}\n`);
  }
}
