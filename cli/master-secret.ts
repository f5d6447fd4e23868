import { readSecret } from "../engines/embedded/home.ts";
import { stackOf } from "./deployed/place.ts";

/** The secret that the keys of a home's runs derive from: this machine's own, or the deployed control plane's. */
export async function masterSecretOf(home: string): Promise<Uint8Array> {
  const stack = stackOf(home, process.env);
  if (stack === undefined) return readSecret(home);
  const { readStackSecret } = await import("./deployed/open.ts");
  return readStackSecret(stack);
}
