/**
 * Address spaces by region: those of one deployment may be peered, so no two regions share one.
 *
 * Order is part of what this promises (a region keeps its space): new regions go to the end.
 */
// prettier-ignore
const regions: readonly string[] = [
  "eastus", "eastus2", "centralus", "northcentralus", "southcentralus", "westcentralus", "westus", "westus2", "westus3",
  "canadacentral", "canadaeast", "brazilsouth", "brazilsoutheast", "mexicocentral", "chilecentral",
  "northeurope", "westeurope", "uksouth", "ukwest", "francecentral", "francesouth", "germanywestcentral", "germanynorth",
  "switzerlandnorth", "switzerlandwest", "norwayeast", "norwaywest", "swedencentral", "swedensouth", "polandcentral",
  "italynorth", "spaincentral", "austriaeast", "belgiumcentral", "denmarkeast",
  "uaenorth", "uaecentral", "qatarcentral", "israelcentral", "southafricanorth", "southafricawest",
  "eastasia", "southeastasia", "japaneast", "japanwest", "koreacentral", "koreasouth",
  "australiaeast", "australiasoutheast", "australiacentral", "australiacentral2", "newzealandnorth",
  "centralindia", "southindia", "westindia", "jioindiawest", "jioindiacentral", "indonesiacentral", "malaysiawest", "taiwannorth",
];

/** `East US` and `eastus` are one. */
export const canonicalRegion = (region: string): string => region.toLowerCase().replaceAll(" ", "");

/**
 * A /16 of 10.0.0.0/8, the same for a region at all times.
 *
 * Regions that aren't listed share the spaces from 10.128 on by hash; two of those in one deployment may clash, and then
 * the peering is refused (VnetAddressSpacesOverlap), never wrong.
 */
export function addressSpaceOf(region: string): { readonly network: string; readonly subnet: string } {
  const name = canonicalRegion(region);
  const known = regions.indexOf(name);
  const second = known >= 0 ? known + 1 : 128 + (hash(name) % 126);
  return { network: `10.${second}.0.0/16`, subnet: `10.${second}.0.0/17` };
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}
