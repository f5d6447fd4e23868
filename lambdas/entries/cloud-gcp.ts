import { GoogleAuth } from "google-auth-library";
import { checkProject, createGcpProvider } from "../../providers/gcp/index.ts";
import { asCloud } from "../cloud.ts";

export const handler = asCloud("gcp", async ({ clock, random, credentials, environment: { sshFrom } }) => {
  const { GOOGLE_CREDENTIALS: key = "{}", GOOGLE_CLOUD_PROJECT: project } = credentials;
  const auth = await new GoogleAuth({
    scopes: ["https://www.googleapis.com/auth/compute"],
    credentials: JSON.parse(key) as object, // a service account's key file, as Google gives it
  }).getClient();
  const endpoint = process.env["CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"]?.replace(/(\/compute\/v1)?\/*$/, "");
  return createGcpProvider({
    auth,
    project: checkProject(project),
    clock,
    random,
    reachesControl: true,
    ...(sshFrom === undefined ? {} : { sshSources: sshFrom }),
    ...(endpoint === undefined ? {} : { endpoint }),
  });
});
