// Appends the counts of each jest run to the file named by REPRISE_COUNTS: .ci/run adds them up.
import { appendFileSync } from "node:fs";

export default class CountReporter {
  onRunComplete(_contexts, { numPassedTests, numFailedTests, numPendingTests }) {
    appendFileSync(process.env.REPRISE_COUNTS, `${numPassedTests} ${numFailedTests} ${numPendingTests}\n`);
  }
}
