export { cloudMachines, findMachineType, fittingTypes, machineTypes } from "./cloud-machines.ts";
export type { NeutralMachine } from "./cloud-machines.ts";
export { cloudPrices } from "./cloud-prices.ts";
export { defaultImage, findImage, neutralImageNames } from "./images.ts";
export { knownPrices } from "./known-prices.ts";
export { clouds, isCloud } from "./machine-type.ts";
export type { Cloud, MachineType } from "./machine-type.ts";
export { Prices, priceTableSchema } from "./price-table.ts";
export type { Price, PriceEntry, PriceTable } from "./price-table.ts";
