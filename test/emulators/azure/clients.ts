import type { TokenCredential } from "@azure/core-auth";
import { createHttpHeaders, RestError } from "@azure/core-rest-pipeline";
import type { HttpClient } from "@azure/core-rest-pipeline";
import { ConnectionDropped } from "../common/http.ts";
import type { HttpHandler } from "../common/http.ts";

/** The emulator in place of Azure's HTTP client: same bytes, no socket. */
export const azureHttpClient = (handle: HttpHandler): HttpClient => ({
  async sendRequest(request) {
    const headers: Record<string, string> = {};
    for (const [name, value] of request.headers) headers[name.toLowerCase()] = value;
    if (request.body !== undefined && request.body !== null && typeof request.body !== "string")
      throw new Error("the emulator takes texts as bodies");
    const signal = request.abortSignal instanceof AbortSignal ? request.abortSignal : undefined;
    const sent = { method: request.method, url: new URL(request.url), headers, body: request.body ?? "" };
    const response = await handle(sent, signal).catch((error: unknown) => {
      // As the SDK's own client wraps what Node reports.
      throw error instanceof ConnectionDropped ? new RestError(error.message, { code: error.code, request }) : error;
    });
    return {
      request,
      status: response.status,
      headers: createHttpHeaders({ ...response.headers }),
      bodyAsText: response.body,
    };
  },
});

/** A token that the emulator takes; it never runs out. */
export const azureCredential: TokenCredential = {
  getToken: async () => ({ token: "emulated", expiresOnTimestamp: 8_640_000_000_000_000 }),
};

/** No retries of the SDK's own: they sleep on the machine's clock. */
export const azureClientSettings = { retryOptions: { maxRetries: 0 } };
