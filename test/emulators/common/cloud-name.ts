export const cloudNames = ["aws", "azure", "gcp"] as const;
export type CloudName = (typeof cloudNames)[number];
