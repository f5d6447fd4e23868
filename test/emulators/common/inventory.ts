import type { CloudName } from "./cloud-name.ts";

/** One thing that exists in a cloud and wouldn't in an unused account. */
export interface InventoryItem {
  readonly cloud: CloudName;
  /** The cloud's word: `instance`, `Microsoft.Network/networkInterfaces`, `firewall`. */
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  /** Zone where it has one, else region or `global`. */
  readonly place: string;
  readonly state: string;
  /** Whether it is on the bill; the rest only clutters. */
  readonly costs: boolean;
  readonly tags: Readonly<Record<string, string>>;
}
