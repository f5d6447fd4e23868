export { ValueDigest } from "./value-digest.ts";
export type { ValueDigestOptions } from "./value-digest.ts";
export { WindowedDigest, WindowRangeError } from "./windowed-digest.ts";
export type { Window, WindowedDigestOptions } from "./windowed-digest.ts";
