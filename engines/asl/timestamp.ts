const rfc3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** Epoch milliseconds of an RFC 3339 timestamp with capital T and Z, the only form ASL allows; undefined for any other text. */
export function parseTimestamp(text: string): number | undefined {
  const match = rfc3339.exec(text);
  if (!match) return undefined;
  const epochMs = Date.parse(text);
  if (Number.isNaN(epochMs)) return undefined;
  // Date.parse moves 31 February into March; the service refuses it.
  const [, year, month, day] = match.map(Number);
  const lastDay = new Date(Date.UTC(year ?? 0, month ?? 0, 0)).getUTCDate();
  return (day ?? 0) <= lastDay ? epochMs : undefined;
}
