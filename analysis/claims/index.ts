export { describeMeasured, isAbout, judgeClaims, toleranceNote } from "./judge-claims.ts";
export type { ClaimPoints, ClaimTrial, JudgedClaim, StatedClaim } from "./judge-claims.ts";
export { describeClaim, readPaperValue } from "./paper-value.ts";
