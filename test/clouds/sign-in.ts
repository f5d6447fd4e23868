import type { HttpHandler, HttpResponse } from "../emulators/common/http.ts";

/**
 * The sign-in services of two clouds: Microsoft's for a service principal with a secret, and Google's token exchange for
 * an identity that a file vouches for. AWS has none, its requests are signed.
 */
export const signInHandler: HttpHandler = async ({ method, url, body }) => {
  const form = new URLSearchParams(body);
  const issuer = `${url.origin}${url.pathname.split("/").slice(0, 2).join("/")}`;
  if (method === "GET" && url.pathname.endsWith("/v2.0/.well-known/openid-configuration")) {
    return json(200, {
      issuer: `${issuer}/v2.0`,
      authorization_endpoint: `${issuer}/oauth2/v2.0/authorize`,
      token_endpoint: `${issuer}/oauth2/v2.0/token`,
      jwks_uri: `${issuer}/discovery/v2.0/keys`,
    });
  }
  if (method === "POST" && url.pathname.endsWith("/oauth2/v2.0/token")) {
    if (form.get("client_secret") !== clientSecret) {
      const error_description = "AADSTS7000215: Invalid client secret provided.";
      return json(401, { error: "invalid_client", error_description, error_codes: [7000215] });
    }
    return json(200, { token_type: "Bearer", expires_in: 3599, ext_expires_in: 3599, access_token: "azure-token" });
  }
  if (method === "POST" && url.pathname === "/v1/token") {
    if (form.get("subject_token") !== subjectToken) return json(400, { error: "invalid_grant" });
    const issued_token_type = "urn:ietf:params:oauth:token-type:access_token";
    return json(200, { access_token: "google-token", issued_token_type, token_type: "Bearer", expires_in: 3600 });
  }
  return json(404, { error: "not_found" });
};

/** What the services take. */
export const clientSecret = "a-secret-of-the-test";
export const subjectToken = "a-token-of-the-test";

const json = (status: number, body: object): HttpResponse => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
