import { CloudError, NotImplemented } from "./cloud-error.ts";
import type { CloudName } from "./cloud-name.ts";
import type { CallFault } from "./faults.ts";
import { throttled } from "./faults.ts";
import type { OpenCall } from "./call-log.ts";
import { ConnectionDropped } from "./http.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "./http.ts";
import { TokenBucket } from "./token-bucket.ts";
import type { BucketLimit } from "./token-bucket.ts";
import type { World } from "./world.ts";

/** A request understood: which operation, on what, and how to do it. */
export interface Recognised {
  readonly operation: string;
  readonly resource: string;
  readonly token: string | undefined;
  /** The throttle that this call draws from; one bucket a key. */
  readonly bucket: { readonly key: string; readonly limit: BucketLimit };
  /** What the cloud's own description has against the request; empty when it fits or there's no description. */
  readonly checkRequest: () => readonly string[];
  readonly run: (call: OpenCall) => HttpResponse | Promise<HttpResponse>;
  readonly checkResponse: (response: HttpResponse) => readonly string[];
}

/** What the three clouds do differently with a request. */
export interface Service {
  readonly cloud: CloudName;
  /** @throws {NotImplemented} for what this cloud has and the emulator has not, {@link CloudError} for nonsense */
  readonly recognise: (request: HttpRequest) => Recognised;
  readonly renderError: (error: CloudError, request: HttpRequest, call: OpenCall | undefined) => HttpResponse;
}

/**
 * The way of every request through every cloud: recognise, log, fault, throttle, check against the cloud's description,
 * act, check the answer likewise.
 */
export function serve(world: World, service: Service, throttling: boolean): HttpHandler {
  const buckets = new Map<string, TokenBucket>();
  const { cloud } = service;

  const throttle = ({ key, limit }: Recognised["bucket"]): void => {
    if (!throttling) return;
    let bucket = buckets.get(key);
    if (bucket === undefined) buckets.set(key, (bucket = new TokenBucket(limit, world.now())));
    const waitSec = bucket.take(world.now());
    if (waitSec > 0) throw throttleError(cloud, waitSec);
  };

  const act = async (recognised: Recognised, call: OpenCall): Promise<HttpResponse> => {
    throttle(recognised.bucket);
    const wrong = recognised.checkRequest();
    if (wrong.length > 0) {
      world.violations.push({ cloud, operation: recognised.operation, where: "request", problems: wrong });
      throw new CloudError(400, "RequestDoesNotFitDescription", wrong.join("; "));
    }
    const response = await recognised.run(call);
    const drift = recognised.checkResponse(response);
    if (drift.length > 0) {
      world.violations.push({ cloud, operation: recognised.operation, where: "response", problems: drift });
      throw new CloudError(500, "EmulatorDrift", drift.join("; "));
    }
    return response;
  };

  return async (request, signal) => {
    world.timeline.settle();
    let call: OpenCall | undefined;
    let response: HttpResponse;
    let code: string | undefined;
    try {
      const recognised = service.recognise(request);
      const { operation, resource, token } = recognised;
      call = world.log.begin({ atMs: world.now(), cloud, operation, resource, token });
      const fault = world.faults.onCall({ cloud, operation, resource });
      await pause(world, world.timings.latencyMs, signal);
      if (fault?.kind === "late") {
        const unheard = call;
        world.timeline.after(fault.ms, () => void act(recognised, unheard).catch(() => undefined)); // nobody hears a refusal
        throw new ConnectionDropped();
      }
      if (fault?.when === "before") await strike(world, fault, signal);
      try {
        response = await act(recognised, call);
      } catch (error) {
        if (!(error instanceof CloudError)) throw error;
        code = error.code;
        recordGap(world, cloud, operation, error);
        response = service.renderError(error, request, call);
      }
      world.log.tell(call, "acted");
      if (fault?.when === "after") await strike(world, fault, signal);
      await pause(world, world.timings.latencyMs, signal);
    } catch (error) {
      if (error instanceof CloudError) {
        code = error.code;
        if (call === undefined) recordGap(world, cloud, `${request.method} ${request.url.pathname}`, error);
        response = service.renderError(error, request, call);
      } else {
        if (call !== undefined) world.log.end(call, { kind: "dropped" });
        throw error;
      }
    }
    if (call !== undefined) world.log.end(call, { kind: "answered", status: response.status, code });
    return response;
  };
}

function recordGap(world: World, cloud: CloudName, operation: string, error: CloudError): void {
  if (error instanceof NotImplemented)
    world.violations.push({ cloud, operation, where: "notImplemented", problems: [error.message] });
}

async function pause(world: World, ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (ms <= 0) return;
  await world.clock.sleep(ms, signal);
  world.timeline.settle();
}

async function strike(
  world: World,
  fault: Exclude<CallFault, { kind: "late" }>,
  signal: AbortSignal | undefined,
): Promise<void> {
  switch (fault.kind) {
    case "drop":
      throw new ConnectionDropped();
    case "delay":
      return pause(world, fault.ms, signal);
    case "hang":
      return new Promise<never>((_, reject) => {
        const stop = (): void => reject(signal?.reason as Error); // an AbortSignal's reason is an Error by default
        if (signal?.aborted) stop();
        signal?.addEventListener("abort", stop, { once: true });
      });
    case "error":
      throw new CloudError(fault.status, fault.code, fault.message ?? `injected fault ${fault.code}`, {
        headers: fault.retryAfterSec === undefined ? {} : { "retry-after": String(fault.retryAfterSec) },
      });
    default:
      return fault satisfies never;
  }
}

function throttleError(cloud: CloudName, waitSec: number): CloudError {
  const { status, code } = throttled[cloud];
  const messages: Record<CloudName, string> = {
    aws: "Request limit exceeded.",
    azure: "The request is being throttled as the limit has been reached for this operation type.",
    gcp: "Rate Limit Exceeded",
  };
  return new CloudError(status, code, messages[cloud], {
    headers: cloud === "azure" ? { "retry-after": String(Math.max(1, Math.ceil(waitSec))) } : {},
  });
}
