/** Vega as it is installed. The build puts `vega-script.ts` in this module's place. */
import type * as Vega from "vega";
import type * as VegaLite from "vega-lite";

export interface VegaPackages {
  readonly vega: typeof Vega;
  readonly vegaLite: typeof VegaLite;
}

export async function loadPackages(): Promise<VegaPackages> {
  const vega = await import("vega");
  // After the other, not beside it: they share modules, and a test runner's linker trips over two loads at once.
  return { vega, vegaLite: await import("vega-lite") };
}
