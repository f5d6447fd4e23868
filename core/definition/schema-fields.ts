import { z } from "zod";
import { parseDurationMs, parseSizeBytes, parseRateBitsPerSec, parseShare } from "./quantities.ts";
import { hasExpressions } from "./template.ts";

/** The kinds of values that a definition's fields hold. */

const isAmount = (parse: (text: string) => number) => (text: string) => {
  if (hasExpressions(text)) return true;
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
};

/** What a text field means beyond being a text; shown in the reference and used for messages. */
export type FieldKind = "duration" | "size" | "rate" | "share" | "script" | "template" | "expression";

/** Said of a field for the reference and for messages. */
export const kind = (fieldKind: FieldKind) => ({ fieldKind });

export const duration = z
  .string()
  .refine(isAmount(parseDurationMs), "not a time with its unit, such as `500ms`, `90s`, `5m` or `2h`")
  .meta(kind("duration"));
export const size = z
  .string()
  .refine(isAmount(parseSizeBytes), "not a size with its unit, such as `512MiB`, `4GiB` or `2TB`")
  .meta(kind("size"));
export const rate = z
  .string()
  .refine(isAmount(parseRateBitsPerSec), "not a rate with its unit, such as `10mbit` or `1gbit`")
  .meta(kind("rate"));
export const share = z
  .string()
  .refine(isAmount(parseShare), "not a share in percent, such as `1%`")
  .meta(kind("share"));
export const template = z.string().meta(kind("template"));
export const script = z.string().min(1).meta(kind("script"));
export const expressionText = z
  .string()
  .refine(hasExpressions, "not an expression: write `${{ … }}`")
  .meta(kind("expression"));

const slugPattern = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const slugMessage = "not a name: small letters, digits and hyphens, beginning and ending with a letter or digit";
export const slug = z.string().max(40, "a name of more than 40 characters").regex(slugPattern, slugMessage);
export const identifier = z
  .string()
  .max(60, "a name of more than 60 characters")
  .regex(/^[A-Za-z_]\w*$/, "not a name: letters, digits and `_`, beginning with a letter");
export const fileName = z
  .string()
  .min(1)
  .refine((path) => !path.startsWith("/") && !path.split("/").includes(".."), "must stay inside its folder");
export const octalMode = z.string().regex(/^[0-7]{3,4}$/, "not a file mode such as `644`, in quotes");
export const oneOrMore = <T extends z.ZodType>(item: T) => z.union([item, z.array(item).nonempty()]);

/** One of the named members, and no second one, must be there. */
export const exactlyOne =
  (names: readonly string[]) =>
  (value: object): boolean =>
    names.filter((name) => name in value).length === 1;
export const oneOf = (names: readonly string[]): string =>
  `needs exactly one of ${names.map((n) => `\`${n}\``).join(", ")}`;

export const json: z.ZodType<z.core.util.JSONType> = z.json();
export const tree = z.record(z.string(), json);

export const placementOnSchema = oneOrMore(slug).describe(
  "The role or label whose hosts take part; several: all of them, in the order of the deployment.",
);
