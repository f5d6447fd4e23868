import { z } from "zod";

/** Query forms carry text only. */
export const Flag = z.enum(["true", "false"]).transform((text) => text === "true");
export const Whole = z
  .string()
  .regex(/^-?\d+$/, "not a whole number")
  .transform(Number);
export const Texts = z.array(z.string()).default([]);
