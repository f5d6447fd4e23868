import { setTimeout as sleep } from "node:timers/promises";

/** A call of Step Functions as it came. */
export interface StatesCall {
  /** `AWSStepFunctions.SendTaskSuccess` */
  readonly target: string;
  readonly authorization: string;
  readonly body: string;
}

export interface StatesAnswer {
  readonly status: number;
  readonly body: string;
}

const lookMs = 100;
/** How long an interpreter that has its function's answer may take to wait for the token. */
const mostLooks = 50;

/**
 * On AWS a token may be answered from the moment it was handed out. moto 5.2.4 loses an answer that comes before it
 * listens for heartbeats, which it begins when the function has returned: the task then waits until it times out. So an
 * answer is held back until a heartbeat is taken. Functions themselves answer, when hosts were quicker than they: they
 * aren't kept waiting.
 */
export class EarlyWakes {
  private readonly post: (call: StatesCall) => Promise<StatesAnswer>;
  private readonly inFlight = new Map<string, Promise<unknown>>();

  constructor(post: (call: StatesCall) => Promise<StatesAnswer>) {
    this.post = post;
  }

  static isWake = (target: string): boolean => /\.SendTask(Success|Failure)$/.test(target);

  /** Notes that a function was handed a token, until it returns. */
  async during<T>(payload: string, work: () => Promise<T>): Promise<T> {
    const token = /"token":\s*"([^"]+)"/.exec(payload)?.[1];
    const working = work();
    if (token === undefined) return working;
    this.inFlight.set(
      token,
      working.catch(() => undefined),
    );
    try {
      return await working;
    } finally {
      this.inFlight.delete(token);
    }
  }

  async wake(call: StatesCall): Promise<StatesAnswer> {
    const { taskToken } = JSON.parse(call.body) as { taskToken: string }; // the SDK's own
    const working = this.inFlight.get(taskToken);
    if (working === undefined) return this.whenHeard(taskToken, call);
    void working.then(() => this.whenHeard(taskToken, call)).catch(() => undefined); // the interpreter was stopped
    return { status: 200, body: "{}" };
  }

  private async whenHeard(taskToken: string, call: StatesCall): Promise<StatesAnswer> {
    const beat: StatesCall = {
      ...call,
      target: "AWSStepFunctions.SendTaskHeartbeat",
      body: JSON.stringify({ taskToken }),
    };
    for (let looks = 0; looks < mostLooks; looks++) {
      if ((await this.post(beat)).status === 200) break;
      await sleep(lookMs);
    }
    return this.post(call);
  }
}
