/** What is too large for one call of Systems Manager goes in pieces, to a host and from it alike. */
export const pieceLimits = {
  atOnce: 4,
  timeoutSec: 60,
  tries: 3,
};
