import type { Clock } from "../../core/effects/clock.ts";
import type { HostAnswer, HostCall } from "../../core/flow/host-calls.ts";
import type { HostStep, PushTarget, StepResult } from "../../core/ports/host-agent.ts";

/** The control side as hosts that push see it; a rejected call is one that found nobody there. */
export interface SimControl {
  readonly call: (call: HostCall, body: unknown) => Promise<HostAnswer>;
  /** PUTs to a signed URL. @returns the HTTP status */
  readonly put: (url: string, headers: Readonly<Record<string, string>>, body: Uint8Array) => Promise<number>;
}

export interface SimPusherEffects {
  readonly clock: Clock;
  readonly isCut: () => boolean;
  /** False once the host, or the step on it, is no more. */
  readonly isUp: () => boolean;
  readonly files: () => ReadonlyMap<string, string>;
  /** Calls once when the step has ended. */
  readonly whenEnded: (wake: () => void) => void;
}

const beatEveryMs = 60_000;
const firstRetryMs = 1_000;
const longestRetryMs = 60_000;
/** How long past the later of deadline and end a host goes on reporting. */
const graceMs = 15 * 60_000;

/** What the supervisor's pusher does, on a simulated host: beats, then files and the result until they are acknowledged. */
export class SimPusher {
  private readonly target: PushTarget;
  private readonly control: SimControl;
  private readonly effects: SimPusherEffects;
  private isAbandoned = false;

  constructor(target: PushTarget, control: SimControl, effects: SimPusherEffects) {
    this.target = target;
    this.control = control;
    this.effects = effects;
  }

  async follow(step: HostStep, result: () => StepResult | undefined, signal: AbortSignal): Promise<void> {
    const { clock } = this.effects;
    let beatAt = clock.now();
    let retryMs = firstRetryMs;
    let untilMs: number | undefined;
    while (this.effects.isUp() && !this.isAbandoned) {
      const done = result();
      if (clock.now() >= beatAt) {
        beatAt = clock.now() + beatEveryMs;
        await this.beat(step.stepId, done === undefined ? "running" : "done");
      }
      if (done !== undefined) {
        untilMs ??= Math.max(step.deadlineAt, clock.now()) + graceMs;
        if ((await this.pushAll(done)) || clock.now() >= untilMs) return;
        await clock.sleep(retryMs);
        retryMs = Math.min(longestRetryMs, retryMs * 2);
      } else if (signal.aborted) return;
      else await this.sleepUntilEnd(Math.max(1, beatAt - clock.now()));
    }
  }

  private async sleepUntilEnd(ms: number): Promise<void> {
    const ended = new AbortController();
    this.effects.whenEnded(() => {
      ended.abort();
    });
    await this.effects.clock.sleep(ms, ended.signal).catch(() => undefined);
  }

  private async beat(stepId: string, state: string): Promise<void> {
    const answer = await this.call("beat", { stepId, state });
    if (answer?.status === 200 && isObject(answer.body) && answer.body["answer"] === "superseded")
      this.isAbandoned = true;
  }

  private async pushAll(result: StepResult): Promise<boolean> {
    for (const { path, sha256, bytes } of result.artifacts) {
      const answer = await this.call("upload", { path, sha256, bytes });
      if (answer?.status !== 200 || !isObject(answer.body)) return false;
      if (answer.body["landed"] === true) continue;
      const { url, headers } = answer.body as { url: string; headers: Record<string, string> }; // what `upload` answers
      if (this.effects.isCut()) return false;
      const status = await this.control.put(url, headers, contentOf(this.effects.files(), path)).catch(() => 0);
      if (status !== 200 && status !== 412) return false;
    }
    return (await this.call("report", { result }))?.status === 200;
  }

  private async call(call: HostCall, body: object): Promise<HostAnswer | undefined> {
    if (this.effects.isCut()) return undefined;
    return this.control.call(call, { capability: this.target.capability, ...body }).catch(() => undefined);
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const contentOf = (files: ReadonlyMap<string, string>, path: string): Uint8Array =>
  new TextEncoder().encode(files.get(path) ?? "");
