export { openWays } from "./ways.ts";
export type { Ways } from "./ways.ts";
