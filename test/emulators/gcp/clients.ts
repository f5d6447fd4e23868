import { OAuth2Client } from "google-auth-library";
import type { ClientOptions } from "google-gax";
import type { HttpHandler } from "../common/http.ts";
import { projectName } from "./service.ts";

/**
 * An authentication client whose requests end in the emulator: Google's own Gaxios does the rest, so errors reach the
 * caller as they do from the network.
 */
export function gcpAuthClient(handle: HttpHandler): OAuth2Client {
  const client = new OAuth2Client({ transporterOptions: { fetchImplementation: fetchFrom(handle) } });
  client.setCredentials(gcpCredentials);
  return client;
}

/** What the clients of @google-cloud/compute need to talk to the emulator. */
export const gcpClientOptions = (authClient: OAuth2Client): ClientOptions => ({
  projectId: projectName,
  fallback: true,
  // google-gax brings its own copy of google-auth-library, a few versions behind: same class, other type.
  authClient: authClient as unknown as NonNullable<ClientOptions["authClient"]>,
});

/** A token that the emulator takes; it never runs out. */
export const gcpCredentials = { access_token: "emulated", expiry_date: 8_640_000_000_000_000 };

/** The emulator as `fetch`. */
const fetchFrom =
  (handle: HttpHandler): typeof fetch =>
  async (input, init) => {
    const url = new URL(typeof input === "string" || input instanceof URL ? input : input.url);
    const headers = Object.fromEntries(new Headers(init?.headers).entries());
    const body = init?.body ?? "";
    if (typeof body !== "string") throw new Error("the emulator takes texts as bodies");
    const response = await handle({ method: init?.method ?? "GET", url, headers, body }, init?.signal ?? undefined);
    // What Gaxios and gax read of a response; theirs is a stream that takes turns of the event loop, which a virtual
    // clock would take for silence.
    return new TextResponse(response.status, response.body, response.headers) as unknown as Response;
  };

class TextResponse {
  readonly status: number;
  readonly statusText = "";
  readonly headers: Headers;
  readonly body: AsyncIterable<string>;
  private readonly content: string;

  constructor(status: number, content: string, headers: Readonly<Record<string, string>>) {
    this.status = status;
    this.content = content;
    this.headers = new Headers({ ...headers });
    this.body = {
      async *[Symbol.asyncIterator]() {
        yield content;
      },
    };
  }
  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }
  async text(): Promise<string> {
    return this.content;
  }
  async json(): Promise<unknown> {
    return JSON.parse(this.content);
  }
  async arrayBuffer(): Promise<ArrayBuffer> {
    return new TextEncoder().encode(this.content).buffer;
  }
}
