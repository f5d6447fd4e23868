/**
 * Step Functions' quotas for standard workflows, which this engine keeps.
 *
 * @see https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
 */
export const limits = {
  /** Input or output of a task, state or execution, as UTF-8 JSON. */
  payloadBytes: 262_144,
  /** Events of one execution, the closing one included. */
  historyEvents: 25_000,
  nameLength: 80,
  errorLength: 256,
  causeLength: 32_768,
  /** Children of one Map Run at a time where the definition says 0 or nothing. */
  mapRunConcurrency: 10_000,
  /** The longest Wait or timeout. */
  waitSec: 99_999_999,
} as const;
