import type { z } from "zod";
import type { Clock } from "../../core/effects/clock.ts";
import type { Failure } from "../../core/errors/failure.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { sha256Hex } from "../../core/evidence/sha256.ts";
import type { ArmAnswer, HostAgent, HostFacts, HostStep, StepState } from "../../core/ports/host-agent.ts";
import type { CommandResult, HostAddress, RemoteTask, Transport } from "../../core/ports/transport.ts";
import {
  armAnswerSchema,
  clockSchema,
  defaultStepSettings,
  encodeStep,
  factsSchema,
  heardSchema,
  outputsSchema,
  parseAnswer,
  removedSchema,
  stepStateSchema,
} from "../../core/supervision/index.ts";
import type { StepSettings } from "../../core/supervision/index.ts";
import type { Followed } from "./followed-step.ts";
import { readFollowed } from "./followed-step.ts";
import { inTime } from "./in-time.ts";
import { launchArgv, shipArgv, unpreparedExitCode } from "./launch.ts";
import type { Said } from "./session.ts";
import { Session } from "./session.ts";
import type { SupervisorFiles } from "./supervisor-files.ts";

export interface ShellAgentOptions {
  readonly host: HostAddress;
  /** The supervisor's folder on the host: absolute, or from `~/`; one per run. */
  readonly root: string;
  readonly settings?: Partial<Omit<StepSettings, "host">> | undefined;
}

export interface ShellAgentEffects {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly files: SupervisorFiles;
}

const timeoutsMs = {
  short: 30_000,
  // Waits on the host, for at most 20 s, until older attempts are gone and everything is prepared.
  arm: 60_000,
  // A reset, undone events and a large tree may take their time.
  remove: 120_000,
  transfer: 15 * 60_000,
  /** A wait's own limit is on the host: the answer needs time to travel. */
  waitSlack: 15_000,
};
/** One call of `wait`: longer waits are several, so that a silent connection is noticed. */
const waitSliceMs = 60_000;
/** A session lasts as long as its connection, but not for ever: the next step begins another. */
const sessionMs = 24 * 3_600_000;
/** So many sessions that end without a word, one after another, and this host is asked by a call each. */
const mostMuteSessions = 3;
/** A session says much in all its life; what it says of one call has the bound of a result. */
const sessionLimitBytes = Infinity;
/** What a session reads of a file at once: it does nothing else meanwhile. */
const sessionReadBytes = 1 << 20;
/** Acknowledgements wait for the next `arm`; more than these are sent at once. */
const acknowledgementsLimit = 8;
const followedLimit = 16;
/** A result lists every artifact: about 150 bytes each. */
const resultLimitBytes = 64 * 1024 ** 2;
const clockRounds = 5;
/** Tries without a single new byte before a read gives up. */
const readTries = 5;
const readRetryMs = 200;

interface Call<S extends z.ZodType> {
  readonly verb: string;
  readonly args: readonly string[];
  readonly schema: S;
  readonly timeoutMs: number;
  readonly maxOutputBytes?: number;
  readonly stdin?: Uint8Array | undefined;
  /** Its stdin holds no secret. */
  readonly isPublic?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The supervisor on one host, by running `supervisor.sh VERB` over a transport.
 *
 * Any process with the same root and host may go on where another left off: every call is idempotent, so that the
 * transport may repeat it after a lost reply, and what is held between calls only saves asking again. Where the transport
 * can keep a command's stdin open, steps that aren't pushed go by a session: their end, and their small files, come
 * without another round trip, and their acknowledgement travels with the next step. Whatever a session doesn't answer is
 * asked again by a call of its own.
 */
export class ShellAgent implements HostAgent {
  private readonly host: HostAddress;
  private readonly root: string;
  private readonly settings: StepSettings;
  private readonly effects: ShellAgentEffects;
  private session: Session | undefined;
  private muteSessions = 0;
  /** Steps that a session was told to run, until somebody has heard how they end. */
  private readonly following = new Map<
    string,
    { readonly attemptDir: string; readonly end: Promise<Followed | undefined> }
  >();
  private known: { readonly attemptDir: string; readonly files: ReadonlyMap<string, Uint8Array> } | undefined;
  private unacknowledged: string[] = [];

  constructor(options: ShellAgentOptions, effects: ShellAgentEffects) {
    if (!/^(\/|~\/|\$HOME\/)[A-Za-z0-9 ._/@+=,:-]+$/.test(options.root) || options.root.split("/").includes("..")) {
      throw new FailureError({ class: "invalid", message: `not a root folder for a supervisor: "${options.root}"` });
    }
    this.host = options.host;
    this.root = options.root.replace(/\/+$/, "");
    this.settings = { ...defaultStepSettings, ...options.settings, host: options.host.host };
    this.effects = effects;
  }

  async prepare(expected: { readonly bootId?: string | undefined }): Promise<HostFacts> {
    const { script, uploader } = this.effects.files;
    const digests = { script: sha256Hex(script), uploader: sha256Hex(uploader) };
    const found = await this.facts();
    this.guard(expected.bootId, found.bootId);
    const present = found.kind === "facts" ? found : { supervisor: "", uploaderFile: "" };
    // The uploader first: once the script is there, the host counts as prepared.
    if (present.uploaderFile !== digests.uploader) await this.ship("put.mjs", digests.uploader, uploader);
    if (present.supervisor !== digests.script) await this.ship("supervisor.sh", digests.script, script);
    const isCurrent = present.supervisor === digests.script && present.uploaderFile === digests.uploader;
    const facts = isCurrent ? found : await this.facts();
    if (facts.kind !== "facts" || facts.supervisor !== digests.script) {
      throw this.error("transport", `${this.host.host}: the supervisor was shipped and is not there`);
    }
    const { kind: _kind, supervisor: _supervisor, uploaderFile: _file, uploader: _uploader, ...own } = facts;
    return { instanceId: undefined, microcode: undefined, clockSource: undefined, virtualization: undefined, ...own };
  }

  async putFile(path: string, body: Uint8Array, mode: string, isSecret = false): Promise<void> {
    await this.ask({
      verb: "put",
      args: [path, mode, sha256Hex(body)],
      schema: heardSchema,
      timeoutMs: timeoutsMs.transfer,
      stdin: body,
      isPublic: !isSecret,
    });
  }

  async arm(step: HostStep): Promise<ArmAnswer> {
    const text = new TextEncoder().encode(encodeStep(step, this.settings));
    const args = [step.stepId, sha256Hex(text)];
    const followed = step.push === undefined ? await this.armAndFollow(step, text) : undefined;
    // The one secret of a step is the capability of a host that pushes.
    const isPublic = step.push === undefined;
    const how = { schema: armAnswerSchema, timeoutMs: timeoutsMs.arm, stdin: text, isPublic };
    return followed ?? this.ask({ verb: "arm", args, ...how });
  }

  /** @returns undefined where there is no session, or it ended before it answered: then the step is armed by a call */
  private async armAndFollow(step: HostStep, text: Uint8Array): Promise<ArmAnswer | undefined> {
    const session = this.openSession();
    if (session === undefined) return undefined;
    const acknowledged = this.unacknowledged.splice(0);
    const call = session.arm(step.stepId, text, acknowledged, timeoutsMs.arm);
    const end = call.end.then((said) => (said === undefined ? undefined : readFollowed(said.bytes, this.host.host)));
    const answer = await call.answer;
    const parsed = this.parseSaid("arm", answer, armAnswerSchema);
    if (parsed === undefined) {
      this.unacknowledged.unshift(...acknowledged);
      return undefined;
    }
    this.following.set(step.stepId, { attemptDir: step.attemptDir, end: end.catch(() => undefined) });
    // Nobody may ever ask for a step that guards: those that ended long ago are not kept.
    for (const stepId of [...this.following.keys()].slice(0, -followedLimit)) this.following.delete(stepId);
    // A step that takes longer to prepare starts late, and says so.
    if (step.waitsForGo) await inTime(call.prepared, timeoutsMs.arm, this.effects.clock);
    return parsed;
  }

  /** The session of this host, begun where there is none. */
  private openSession(): Session | undefined {
    const { transport, clock } = this.effects;
    const follow = transport.follow?.bind(transport);
    if (follow === undefined) return undefined;
    if (this.session?.isOver === false) return this.session;
    if (this.session !== undefined) this.muteSessions = this.session.hasAnswered ? 0 : this.muteSessions + 1;
    this.session = undefined;
    if (this.muteSessions >= mostMuteSessions) return undefined;
    this.session = new Session(
      (token, exchange) => {
        const task = this.task("serve", [token], sessionMs, sessionLimitBytes);
        return follow(this.host, task, exchange);
      },
      { clock, mostBytes: resultLimitBytes },
    );
    return this.session;
  }

  /** @returns undefined where nothing was said; throws as a call of its own would */
  private parseSaid<S extends z.ZodType>(verb: string, said: Said | undefined, schema: S): z.output<S> | undefined {
    if (said === undefined) return undefined;
    const text = Buffer.from(said.bytes).toString("utf8");
    const exitCode = Number(said.code);
    const result = { host: this.host.host, command: verb, outcome: "exited", exitCode, durationMs: 0 } as const;
    const stdout = this.expectSuccess(verb, { ...result, stdout: text, stderr: exitCode === 0 ? "" : text });
    return parseAnswer(stdout, schema, this.host.host);
  }

  async go(stepId: string, startAt: number): Promise<void> {
    await this.askQuickly({
      verb: "go",
      args: [stepId, String(startAt)],
      schema: heardSchema,
      timeoutMs: timeoutsMs.short,
    });
  }

  async status(stepId: string): Promise<StepState> {
    return (
      (await this.askIfPrepared({
        verb: "status",
        args: [stepId],
        schema: stepStateSchema,
        timeoutMs: timeoutsMs.short,
        maxOutputBytes: resultLimitBytes,
      })) ?? { kind: "unknown" }
    );
  }

  async wait(stepId: string, timeoutMs: number, signal?: AbortSignal): Promise<StepState> {
    const until = this.effects.clock.now() + timeoutMs;
    const followed = await this.followedEnd(stepId, timeoutMs, signal);
    if (followed !== undefined) return followed;
    for (let leftMs = until - this.effects.clock.now(); ; leftMs = until - this.effects.clock.now()) {
      const sliceMs = Math.max(0, Math.min(leftMs, waitSliceMs));
      const state = (await this.askIfPrepared({
        verb: "wait",
        args: [stepId, String(Math.round(sliceMs))],
        schema: stepStateSchema,
        timeoutMs: sliceMs + timeoutsMs.waitSlack,
        maxOutputBytes: resultLimitBytes,
        signal,
      })) ?? { kind: "unknown" };
      if (leftMs <= waitSliceMs || (state.kind !== "armed" && state.kind !== "running")) return state;
    }
  }

  /** How the step ended, where a session tells it within `timeoutMs`. */
  private async followedEnd(
    stepId: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<StepState | undefined> {
    const followed = this.following.get(stepId);
    if (followed === undefined) return undefined;
    const either = Promise.race([followed.end, aborted(signal)]);
    const end = await inTime(either, timeoutMs, this.effects.clock);
    // It may be late because nobody is there any more: whoever asks by a call finds out.
    if (end === "late") return undefined;
    this.following.delete(stepId);
    if (end === undefined) return undefined;
    this.known = { attemptDir: followed.attemptDir, files: end.files };
    return end.state;
  }

  async stop(stepId: string): Promise<void> {
    await this.askIfPrepared({ verb: "stop", args: [stepId], schema: heardSchema, timeoutMs: timeoutsMs.short });
  }

  async remove(): Promise<{ readonly left: readonly string[] }> {
    await this.session?.close();
    const answer = await this.askIfPrepared({
      verb: "remove",
      args: [],
      schema: removedSchema,
      timeoutMs: timeoutsMs.remove,
    });
    return { left: answer?.left ?? [] };
  }

  isCheapToAsk(): boolean {
    return this.session?.isOver === false;
  }

  async outputs(stepId: string): Promise<readonly { readonly path: string; readonly bytes: number }[]> {
    const call = { verb: "outputs", args: [stepId], schema: outputsSchema, timeoutMs: timeoutsMs.short };
    const said = this.parseSaid(call.verb, await this.sayQuickly(call), call.schema);
    const answer = said ?? (await this.askIfPrepared({ ...call, maxOutputBytes: resultLimitBytes }));
    return answer?.files ?? [];
  }

  /** Resumes by itself where a connection was lost, as long as each try brings something. */
  async *read(attemptDir: string, path: string, from: number, limit?: number): AsyncGenerator<Uint8Array> {
    const { transport, clock } = this.effects;
    const here = this.known?.attemptDir === attemptDir ? this.known.files.get(path) : undefined;
    if (here !== undefined) {
      yield here.subarray(from, limit === undefined ? undefined : from + limit);
      return;
    }
    if (limit !== undefined && limit <= sessionReadBytes) {
      const args = [attemptDir, path, String(from), String(limit)];
      const said = await this.sayQuickly({ verb: "read", args, timeoutMs: timeoutsMs.short });
      if (said?.code === "0") {
        yield said.bytes;
        return;
      }
    }
    let offset = from;
    const end = limit === undefined ? undefined : from + limit;
    for (let tries = 0; ;) {
      const startedAt = offset;
      const rest = end === undefined ? [] : [String(end - offset)];
      const task = this.task("read", [attemptDir, path, String(offset), ...rest], timeoutsMs.transfer);
      try {
        for await (const chunk of transport.stream(this.host, { ...task, maxOutputBytes: Infinity })) {
          offset += chunk.byteLength;
          yield chunk;
        }
        return;
      } catch (error) {
        if (!(error instanceof FailureError)) throw error;
        if (error.failure.class === "command") {
          throw this.error(
            "collect",
            `${this.host.host}: can't read ${path}: ${error.failure.hint ?? "no reason given"}`,
          );
        }
        if (error.failure.class !== "transport") throw error;
        if (end !== undefined && offset >= end) return;
        tries = offset > startedAt ? 0 : tries + 1;
        if (tries >= readTries) throw error;
        await clock.sleep(readRetryMs * 2 ** tries);
      }
    }
  }

  async acknowledge(stepId: string): Promise<void> {
    const wasFollowed = this.known !== undefined;
    this.known = undefined;
    // Nobody pushes a step that we follow: its acknowledgement can wait for company.
    if (wasFollowed && this.unacknowledged.length < acknowledgementsLimit) {
      this.unacknowledged.push(stepId);
      return;
    }
    await this.askIfPrepared({ verb: "acknowledge", args: [stepId], schema: heardSchema, timeoutMs: timeoutsMs.short });
  }

  async clockOffset(): Promise<{ readonly offsetMs: number; readonly errorMs: number }> {
    const { clock } = this.effects;
    let best: { readonly offsetMs: number; readonly errorMs: number } | undefined;
    for (let round = 0; round < clockRounds; round++) {
      const before = clock.now();
      const { now } = await this.askQuickly({
        verb: "clock",
        args: [],
        schema: clockSchema,
        timeoutMs: timeoutsMs.short,
      });
      const errorMs = (clock.now() - before) / 2;
      if (best === undefined || errorMs < best.errorMs) best = { offsetMs: now - (before + errorMs), errorMs };
    }
    if (best === undefined) throw new Error("no round was made");
    return best;
  }

  private async facts(): Promise<
    z.output<typeof factsSchema> | { readonly kind: "unprepared"; readonly bootId: string }
  > {
    const result = await this.call("facts", [], { timeoutMs: timeoutsMs.short });
    if (result.exitCode === unpreparedExitCode) return { kind: "unprepared", bootId: result.stdout.trim() };
    return parseAnswer(this.expectSuccess("facts", result), factsSchema, this.host.host);
  }

  private guard(expected: string | undefined, found: string): void {
    if (expected === undefined || expected === found) return;
    throw this.error(
      "boot",
      `${this.host.host}: boot id is ${found}, expected ${expected}`,
      "it was rebooted, or its address belongs to another machine now",
    );
  }

  private async ship(file: string, sha256: string, body: Uint8Array): Promise<void> {
    const task = {
      argv: shipArgv(this.root, file, sha256),
      timeoutMs: timeoutsMs.transfer,
      idempotent: true,
      publicStdin: true,
      parse,
    };
    const result = await this.effects.transport.run(this.host, task, body);
    parseAnswer(this.expectSuccess(`ship ${file}`, result), heardSchema, this.host.host);
  }

  /** Asks by the session where there is one, else by a call of its own. */
  private async askQuickly<S extends z.ZodType>(call: Call<S>): Promise<z.output<S>> {
    return this.parseSaid(call.verb, await this.sayQuickly(call), call.schema) ?? this.ask(call);
  }

  /** What a session says to it; undefined where there is none, or it ended first. */
  private async sayQuickly(call: Pick<Call<z.ZodType>, "verb" | "args" | "timeoutMs">): Promise<Said | undefined> {
    return this.session?.isOver === false ? this.session.ask(call.verb, call.args, call.timeoutMs) : undefined;
  }

  private async ask<S extends z.ZodType>(call: Call<S>): Promise<z.output<S>> {
    const result = await this.call(call.verb, call.args, call);
    return parseAnswer(this.expectSuccess(call.verb, result), call.schema, this.host.host);
  }

  /** As `ask`; undefined from a host that knows nothing of us, where that is an answer too. */
  private async askIfPrepared<S extends z.ZodType>(call: Call<S>): Promise<z.output<S> | undefined> {
    const result = await this.call(call.verb, call.args, call);
    if (result.outcome === "exited" && result.exitCode === unpreparedExitCode) return undefined;
    return parseAnswer(this.expectSuccess(call.verb, result), call.schema, this.host.host);
  }

  private async call(
    verb: string,
    args: readonly string[],
    options: Pick<Call<z.ZodType>, "timeoutMs" | "stdin" | "isPublic" | "signal" | "maxOutputBytes">,
  ): Promise<CommandResult> {
    const task = {
      ...this.task(verb, args, options.timeoutMs, options.maxOutputBytes),
      publicStdin: options.isPublic === true,
    };
    return this.effects.transport.run(this.host, task, options.stdin, options.signal);
  }

  private task(verb: string, args: readonly string[], timeoutMs: number, maxOutputBytes?: number): RemoteTask<string> {
    return {
      argv: launchArgv(this.root, verb, args),
      timeoutMs,
      idempotent: true,
      parse,
      ...(maxOutputBytes === undefined ? {} : { maxOutputBytes }),
    };
  }

  private expectSuccess(verb: string, result: CommandResult): string {
    const host = this.host.host;
    switch (result.outcome) {
      case "exited":
        break;
      case "canceled":
        throw this.error("cancelled", `${host}: ${verb} was cancelled`);
      case "timedOut":
      case "unreachable":
      case "connectionLost":
        throw this.error("transport", `${host}: no answer to ${verb}: ${result.outcome}${detail(result)}`);
      default:
        return result.outcome satisfies never;
    }
    switch (result.exitCode) {
      case 0:
        return result.stdout;
      case unpreparedExitCode:
        throw this.error(
          "boot",
          `${host}: no supervisor in ${this.root}`,
          "the host was replaced or cleaned since it was prepared",
        );
      case 65: // came torn, or is locked by another call: asking again helps
      case 75:
        throw this.error("transport", `${host}: ${verb} was not taken${detail(result)}`);
      case 66:
        throw this.error("boot", `${host}: ${verb} of what the host doesn't know${detail(result)}`);
      case 69:
        throw this.error("invalid", `${host}: ${verb} refused${detail(result)}`, "one root serves one run");
      default:
        throw this.error("defect", `${host}: ${verb} ended with ${String(result.exitCode)}${detail(result)}`);
    }
  }

  private error(failureClass: Failure["class"], message: string, hint?: string): FailureError {
    return new FailureError({ class: failureClass, message, hint, host: this.host.host });
  }
}

const aborted = (signal: AbortSignal | undefined): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal?.aborted === true) resolve(undefined);
    signal?.addEventListener("abort", () => resolve(undefined), { once: true });
  });

/** Answers are read after the outcome was looked at, so a task hands its text on. */
const parse = (stdout: string): string => stdout;

const detail = (result: CommandResult): string => {
  const text = result.stderr.trim().slice(-500);
  return text === "" ? "" : `: ${text}`;
};
