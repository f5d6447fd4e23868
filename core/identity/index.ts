export { buildCapability, verifyCapability } from "./capability.ts";
export type { Capability, CapabilityVerdict } from "./capability.ts";
export { deriveBytes, deriveKeyPair, fingerprintOf, masterSecretBytes, MasterSecretError } from "./keys.ts";
export type { KeyOwner, SshKeyPair } from "./keys.ts";
