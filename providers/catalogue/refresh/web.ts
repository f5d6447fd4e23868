import { FailureError } from "../../../core/errors/failure.ts";
import { messageOf } from "../../../core/errors/reprise-error.ts";

/** What price readers need of the web: so that tests have none. */
export interface Web {
  json(url: string): Promise<unknown>;
  lines(url: string): AsyncIterable<string>;
}

const unreachable = (url: string, cause: unknown): FailureError =>
  new FailureError(
    {
      class: "transport",
      message: `no prices from ${new URL(url).host}: ${whole(cause).slice(0, 300)}`,
      hint: "is this machine online? Prices that were read before, or ship with reprise, count until then",
    },
    { cause },
  );

/** What fetch says is "fetch failed"; its cause says why. */
const whole = (error: unknown): string =>
  error instanceof Error && error.cause !== undefined
    ? `${messageOf(error)}: ${messageOf(error.cause)}`
    : messageOf(error);

/** @param timeoutMs for each answer, to its end */
export function createWeb(fetcher: typeof fetch, timeoutMs: number): Web {
  const get = async (url: string): Promise<Response> => {
    let response: Response;
    try {
      response = await fetcher(url, { signal: AbortSignal.timeout(timeoutMs) });
    } catch (error) {
      throw unreachable(url, error);
    }
    if (response.ok) return response;
    const why = (await response.text().catch(() => "")).replace(/\s+/g, " ").slice(0, 200);
    throw unreachable(url, new Error(`HTTP ${response.status} ${why}`));
  };
  return {
    json: async (url) => {
      const response = await get(url);
      try {
        return await response.json();
      } catch (error) {
        throw unreachable(url, error);
      }
    },
    async *lines(url) {
      const { body } = await get(url);
      if (body === null) return;
      const decoder = new TextDecoder();
      let rest = "";
      try {
        for await (const chunk of body) {
          const parts = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split("\n"); // fetch's bodies are bytes
          rest = parts.pop() ?? "";
          for (const line of parts) yield line.replace(/\r$/, "");
        }
      } catch (error) {
        throw unreachable(url, error);
      }
      if (rest !== "") yield rest;
    },
  };
}
