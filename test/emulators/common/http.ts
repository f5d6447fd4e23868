/** One HTTP exchange as every emulated cloud sees it, whichever way it came in. Header names are in lower case. */
export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What an emulated cloud is to the adapters: a function. Rejects with {@link ConnectionDropped} when no answer comes. */
export type HttpHandler = (request: HttpRequest, signal?: AbortSignal) => Promise<HttpResponse>;

/** The peer closed the connection without an answer; looks like Node's own error, so SDKs treat it as one. */
export class ConnectionDropped extends Error {
  override name = "ConnectionDropped"; // adapters rename it as their SDK would
  readonly code = "ECONNRESET";
  readonly errno = -104;
  readonly syscall = "read";
  constructor() {
    super("socket hang up");
  }
}

export const jsonResponse = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse => ({
  status,
  headers: { "content-type": "application/json; charset=utf-8", ...headers },
  body: body === undefined ? "" : JSON.stringify(body),
});
