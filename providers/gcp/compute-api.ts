import { z } from "zod";
import type { Clock } from "../../core/effects/clock.ts";
import type { Random } from "../../core/effects/random.ts";
import { FailureError } from "../../core/errors/failure.ts";
import { messageOf } from "../../core/errors/reprise-error.ts";
import type { Pacer } from "../cloud/pacer.ts";
import { GoogleRefusal, meaningOfReason } from "./errors.ts";
import { newRequestId } from "./names.ts";
import { Operation, Refused } from "./wire.ts";

/**
 * What makes authenticated requests: a client of google-auth-library (`OAuth2Client`, `GoogleAuth`).
 *
 * Google is spoken as REST through it, not through the clients of @google-cloud/compute: those answer a begun operation
 * only after two turns of the event loop by `setImmediate`, which a virtual clock takes for silence; they retry by rules
 * of their own; and each brings gax and all protobuf definitions, 29 MB in a bundle.
 */
export interface GoogleRequester {
  request(options: {
    readonly method: "GET" | "POST" | "PATCH" | "DELETE";
    readonly url: string;
    readonly body?: string;
    readonly headers: Record<string, string>;
    readonly responseType: "text";
    readonly retry: false;
    readonly signal: AbortSignal;
    readonly validateStatus: () => true;
  }): Promise<{
    readonly status: number;
    readonly data: unknown;
    readonly headers: { get(name: string): string | null };
  }>;
}

export interface ComputeApiDeps {
  readonly auth: GoogleRequester;
  readonly project: string;
  /** Without a slash at its end: `https://compute.googleapis.com`. */
  readonly endpoint: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly pacer: Pacer;
}

/** One call of the provider: all requests of it share a deadline. Paths are those inside the project. */
export interface ComputeApi {
  /** @returns undefined where there is no such thing */
  get<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S> | undefined>;
  /** As `get`, in another project: public images. */
  getIn<S extends z.ZodType>(project: string, path: string, schema: S): Promise<z.output<S> | undefined>;
  list<S extends z.ZodType>(path: string, item: S, filter?: string): Promise<z.output<S>[]>;
  /** Of all zones or regions. @param collection such as `instances` */
  listAll<S extends z.ZodType>(collection: string, item: S, filter?: string): Promise<z.output<S>[]>;
  /** @param requestId drawn where none is given; the same for all tries of this call @throws GoogleRefusal */
  change(
    method: "POST" | "PATCH" | "DELETE",
    path: string,
    body?: object,
    requestId?: string,
  ): Promise<z.output<typeof Operation>>;
}

/** Every method of `Provider` ends within a minute. */
const callLimitMs = 50_000;
const requestLimitMs = 20_000;
const tries = 4;
/** Why a timer is called off: made once, since an exception of each call's own would cost more than the rest of it. */
const answered = new Error("answered");
/** Of 500 each. Filtered listings may have empty pages: Google counts what it looked through. */
const mostPages = 200;

export function openComputeApi(deps: ComputeApiDeps, signal: AbortSignal): ComputeApi {
  const { clock, pacer, project } = deps;
  const deadlineAt = clock.now() + callLimitMs;

  /** The one way to Google: bounded, paced, and repeated where nothing definite was answered. */
  async function call(request: WireRequest): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      const leftMs = deadlineAt - clock.now();
      if (leftMs <= 0) throw unreachable(request, `no answer within ${callLimitMs} ms`);
      let waitMs: number;
      try {
        // Reads and writes have quotas of their own, a project and region; the region hardly matters for one user.
        const key = `gcp ${project} ${request.method === "GET" ? "reads" : "writes"}`;
        return await pacer.pace(key, () => send(request, Math.min(leftMs, requestLimitMs)), throttledMs, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!mayRepeat(error) || attempt >= tries) throw error;
        waitMs = Math.max(askedMs(error), 500 * 2 ** attempt * (0.5 + deps.random.next() / 2));
        if (clock.now() + waitMs >= deadlineAt) throw error;
      }
      await clock.sleep(waitMs, signal);
    }
  }

  async function send({ method, url, body }: WireRequest, limitMs: number): Promise<unknown> {
    const end = new AbortController();
    const stopTimer = new AbortController();
    const onAbort = (): void => end.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    clock.sleep(limitMs, stopTimer.signal).then(
      () => end.abort(new Error(`no answer within ${limitMs} ms`)),
      () => undefined, // answered in time
    );
    try {
      const response = await deps.auth.request({
        method,
        url,
        ...(body === undefined ? {} : { body }),
        headers: { "content-type": "application/json" },
        responseType: "text",
        retry: false, // what may be repeated, how often, and under which id is decided here
        signal: end.signal,
        validateStatus: () => true, // or the library would ask once more on its own after a 403
      });
      return readAnswer(response, { method, url });
    } catch (error) {
      if (error instanceof FailureError || error instanceof GoogleRefusal) throw error;
      throw notAnswered({ method, url }, error);
    } finally {
      stopTimer.abort(answered);
      signal.removeEventListener("abort", onAbort);
    }
  }

  const urlOf = (
    path: string,
    query: Readonly<Record<string, string | undefined>> = {},
    inProject = project,
  ): string => {
    const url = new URL(`${deps.endpoint}/compute/v1/projects/${inProject}/${path}`);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    return url.toString();
  };

  async function getIn<S extends z.ZodType>(
    inProject: string,
    path: string,
    schema: S,
  ): Promise<z.output<S> | undefined> {
    const request: WireRequest = { method: "GET", url: urlOf(path, {}, inProject) };
    try {
      return parse(schema, await call(request), request);
    } catch (error) {
      if (error instanceof GoogleRefusal && error.status === 404) return undefined;
      throw error;
    }
  }

  /** All pages of a listing; `take` finds the items in one. */
  async function pages<T>(path: string, filter: string | undefined, take: (page: unknown) => T[]): Promise<T[]> {
    const found: T[] = [];
    let pageToken: string | undefined;
    for (let page = 0; page < mostPages; page++) {
      const request: WireRequest = { method: "GET", url: urlOf(path, { filter, maxResults: "500", pageToken }) };
      const answer = await call(request);
      found.push(...take(answer));
      pageToken = parse(Page, answer, request).nextPageToken;
      if (pageToken === undefined || pageToken === "") return found;
    }
    throw new FailureError({ class: "defect", message: `Google lists more than ${mostPages} pages of ${path}` });
  }

  return {
    get: (path, schema) => getIn(project, path, schema),
    getIn,
    list: (path, item, filter) =>
      pages(path, filter, (page) => {
        const request: WireRequest = { method: "GET", url: urlOf(path) };
        return parse(z.looseObject({ items: z.array(item).default([]) }), page, request).items;
      }),
    listAll: (collection, item, filter) =>
      pages(`aggregated/${collection}`, filter, (page) => {
        const request: WireRequest = { method: "GET", url: urlOf(`aggregated/${collection}`) };
        const scopes = parse(ScopedPage, page, request).items;
        return Object.values(scopes).flatMap((scope) => parse(z.array(item), scope[collection] ?? [], request));
      }),
    change: async (method, path, body, requestId = newRequestId(deps.random)) => {
      const request: WireRequest = {
        method,
        url: urlOf(path, { requestId }),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      };
      return parse(Operation, await call(request), request);
    },
  };
}

interface WireRequest {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly url: string;
  readonly body?: string;
}

const Page = z.looseObject({ nextPageToken: z.string().optional() });
const ScopedPage = z.looseObject({ items: z.record(z.string(), z.looseObject({})).default({}) });

function readAnswer(
  response: Awaited<ReturnType<GoogleRequester["request"]>>,
  request: Pick<WireRequest, "method" | "url">,
): unknown {
  const { status, data } = response;
  const body = typeof data === "string" ? parseJson(data) : data;
  if (status >= 200 && status < 300) {
    if (body === undefined) throw unreachable(request, "an answer that isn't JSON");
    return body;
  }
  const refused = Refused.safeParse(body).data?.error;
  const text = typeof data === "string" ? data.slice(0, 300) : "";
  throw new GoogleRefusal(
    status,
    refused?.errors[0]?.reason ?? "",
    refused?.message ?? text,
    retryAfterOf(response.headers.get("retry-after")),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** In seconds; Google's API gives no dates. */
const retryAfterOf = (header: string | null): number | undefined =>
  header !== null && /^\d{1,5}$/.test(header) ? Number(header) * 1000 : undefined;

function parse<S extends z.ZodType>(
  schema: S,
  body: unknown,
  request: Pick<WireRequest, "method" | "url">,
): z.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const { pathname } = new URL(request.url);
  throw new FailureError({
    class: "defect",
    message: `Google's answer to ${request.method} ${pathname} isn't what it is described as: ${parsed.error.message}`,
  });
}

const unreachable = (request: Pick<WireRequest, "method" | "url">, why: string): FailureError =>
  new FailureError({
    class: "transport",
    message: `no answer from Google to ${request.method} ${new URL(request.url).pathname}: ${why}`,
  });

/** No answer of the API's: the connection failed, or there was no token to ask with. */
function notAnswered(request: Pick<WireRequest, "method" | "url">, error: unknown): FailureError {
  const message = messageOf(error);
  // What google-auth-library and the token endpoint say; they have no codes in common.
  if (
    /invalid_(grant|client|scope)|default credentials|refresh (the )?(access )?token|unauthorized_client/i.test(message)
  )
    return new FailureError(
      {
        class: "auth",
        message: `no access to Google Cloud: ${message}`,
        hint: "set GOOGLE_APPLICATION_CREDENTIALS, or run `gcloud auth application-default login`",
      },
      { cause: error },
    );
  return unreachable(request, message);
}

/** Repeated under the same request id a change is made once; what was refused for good is not repeated. */
function mayRepeat(error: unknown): boolean {
  if (error instanceof GoogleRefusal) {
    if (error.reason === "resourceNotReady") return false; // takes longer than a call may
    return ["throttled", "transport"].includes(meaningOfReason(error.status, error.reason).class);
  }
  return error instanceof FailureError && error.failure.class === "transport";
}

const askedMs = (error: unknown): number => (error instanceof GoogleRefusal ? (error.retryAfterMs ?? 0) : 0);

function throttledMs(error: unknown): number | undefined {
  if (!(error instanceof GoogleRefusal) || error.reason === "resourceNotReady") return undefined;
  return meaningOfReason(error.status, error.reason).class === "throttled" ? askedMs(error) : undefined;
}
