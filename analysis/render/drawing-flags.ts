import { setFlagsFromString } from "node:v8";

/**
 * Settings of V8 for a process that draws some figures and ends. The build compiles Vega under the same ones: V8 takes
 * compiled code under no others.
 */
export function setDrawingFlags(): void {
  // What Vega makes for a figure is garbage at once: V8 needn't keep 2 × 16 MB for it. It costs some 5 % of the time.
  setFlagsFromString("--semi-space-growth-factor=1");
  // Some 30 MB are in use however many figures there are: V8 would let four times as much gather before it collects.
  setFlagsFromString("--heap-growing-percent=50");
  // Functions are optimized when they ran four times as long as usual: most of Vega's never pay for it.
  setFlagsFromString("--interrupt-budget=270000");
}
