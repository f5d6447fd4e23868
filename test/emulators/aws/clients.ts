import type { HttpHandlerOptions, RequestHandler } from "@smithy/types";
import { ConnectionDropped } from "../common/http.ts";
import type { HttpHandler } from "../common/http.ts";

/** The request as AWS's SDK hands it to whatever sends it. */
interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}
interface SdkResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}
/** Fits the `requestHandler` of every AWS client. */
export type SdkRequestHandler = RequestHandler<SdkRequest, SdkResponse, HttpHandlerOptions> & {
  readonly updateHttpClientConfig: () => void;
  readonly httpHandlerConfigs: () => Record<string, never>;
};

/** The emulator in place of AWS's HTTP handler: same bytes, no socket. */
export const awsRequestHandler = (handle: HttpHandler): SdkRequestHandler => ({
  metadata: { handlerProtocol: "http/1.1" },
  async handle(request, options) {
    const url = new URL(`${request.protocol}//${request.hostname}${request.path}`);
    for (const [name, value] of Object.entries(request.query ?? {}))
      for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(one ?? ""));
    const headers = Object.fromEntries(Object.entries(request.headers).map(([k, v]) => [k.toLowerCase(), v]));
    const signal = options?.abortSignal instanceof AbortSignal ? options.abortSignal : undefined;
    const sent = { method: request.method, url, headers, body: bodyText(request.body) };
    const response = await handle(sent, signal).catch((error: unknown) => {
      // NodeHttpHandler gives a closed connection this name, by which the SDK's retries know it.
      throw error instanceof ConnectionDropped ? Object.assign(error, { name: "TimeoutError" }) : error;
    });
    return {
      response: {
        statusCode: response.status,
        headers: { ...response.headers },
        body: new TextEncoder().encode(response.body),
      },
    };
  },
  updateHttpClientConfig: () => undefined,
  httpHandlerConfigs: () => ({}),
});

function bodyText(body: unknown): string {
  if (body === undefined || body === null) return "";
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return new TextDecoder().decode(body);
  throw new Error("the emulator takes texts and bytes as bodies, no streams");
}

/**
 * What AWS clients need besides their handler, with nothing left to be read from files: that would be real I/O, which a
 * virtual clock takes for silence. One attempt a call, for the SDK's retries sleep on the machine's own clock.
 */
export const awsClientSettings = (region: string) => ({
  region,
  credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "secret" },
  maxAttempts: 1,
  retryMode: "standard",
  defaultsMode: "standard" as const,
  useDualstackEndpoint: false,
  useFipsEndpoint: false,
  userAgentAppId: "",
  ignoreConfiguredEndpointUrls: true,
  authSchemePreference: ["sigv4"],
  disableClockSkewCorrection: false,
});
