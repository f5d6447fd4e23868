export { aggregateFrame, FrameError, loadDanfo, toFrame, toRows } from "./frames.ts";
export type { Aggregate, Frame, FrameLike } from "./frames.ts";
