const units = "(?:Ns|Us|Ms|Sec|Min|PerSec|Bytes|Percent)?";

/**
 * The metric that somebody means: by its name, or by its words with dots between them and without the unit, as long as only
 * one fits. `latency.p99` is `latencyP99Ms`, `p99` is `p99Ms`.
 *
 * @returns the text itself where none or several fit: whoever looks it up says what there is
 */
export function metricNamed(text: string, known: readonly string[]): string {
  if (known.includes(text)) return text;
  const words = text.split(".").map((word, i) => (i === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)));
  const pattern = new RegExp(`^${words.join("").replaceAll(/[^A-Za-z0-9_]/g, "\\$&")}${units}$`);
  const [fits, ...others] = known.filter((name) => pattern.test(name));
  return fits !== undefined && others.length === 0 ? fits : text;
}
