import { gunzipSync, gzipSync } from "node:zlib";

/**
 * A piece of an execution's event history as it lies in the store: JSON lines, gzipped, for `zcat`. Histories are three
 * quarters of a run's records and shrink to a sixth.
 */
export const packHistory = (events: readonly object[]): Uint8Array =>
  gzipSync(events.map((event) => `${JSON.stringify(event)}\n`).join(""));

/** The lines of a piece, one event each. @throws Error for bytes that are no gzip */
export const unpackHistory = (body: Uint8Array): readonly string[] => {
  const text = gunzipSync(body).toString("utf8").trimEnd();
  return text === "" ? [] : text.split("\n");
};
