export { LocalProvider } from "./local-provider.ts";
export type { LocalProviderEffects, LocalProviderOptions } from "./local-provider.ts";
