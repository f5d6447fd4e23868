import { FailureError } from "../../core/errors/failure.ts";

/**
 * Where runs are kept, as one text that every command hands on: a folder of this machine, or a bucket. A bucket may be that
 * of a deployed control plane, which then drives its runs: `s3://bucket?stack=reprise&region=eu-central-1`.
 */
export type HomePlace =
  | { readonly kind: "folder"; readonly path: string }
  | {
      readonly kind: "bucket";
      readonly bucket: string;
      readonly region: string;
      /** Undefined: the bucket is only read. */
      readonly stack: string | undefined;
    };

/** Where AWS's own tools look first is theirs to say; without either this is their default too. */
const defaultRegion = "us-east-1";

/** @param environment AWS_REGION counts where the text names no region */
export function parseHome(home: string, environment: Readonly<Record<string, string | undefined>>): HomePlace {
  if (!home.startsWith("s3://")) return { kind: "folder", path: home };
  const url = URL.canParse(home) ? new URL(home) : undefined;
  if (url === undefined || url.hostname === "") {
    throw new FailureError({ class: "invalid", message: `"${home}" names no bucket`, hint: "s3://BUCKET" });
  }
  return {
    kind: "bucket",
    bucket: url.hostname,
    region: url.searchParams.get("region") ?? environment["AWS_REGION"] ?? defaultRegion,
    stack: url.searchParams.get("stack") ?? undefined,
  };
}

export const buildHome = (place: {
  readonly bucket: string;
  readonly region: string;
  readonly stack: string;
}): string => `s3://${place.bucket}?${new URLSearchParams({ stack: place.stack, region: place.region }).toString()}`;

/** The deployed control plane that a home names; undefined for a folder or a bucket alone. */
export const stackOf = (
  home: string,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly stack: string; readonly region: string; readonly bucket: string } | undefined => {
  const place = parseHome(home, environment);
  return place.kind === "bucket" && place.stack !== undefined ? { ...place, stack: place.stack } : undefined;
};
