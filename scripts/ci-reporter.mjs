// What .ci/run shows of each jest run: failures, as they come and shortly; the runner's summary does the rest. Its counts
// go to the file named by REPRISE_COUNTS, where .ci/run adds them up.
import { appendFileSync } from "node:fs";
import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

const shownLines = 25;

export default class CiReporter {
  constructor({ rootDir }) {
    this.rootDir = rootDir;
  }

  onTestResult(_test, { testFilePath, testExecError, testResults, failureMessage }) {
    const file = relative(this.rootDir, testFilePath);
    const failed = testResults.filter(({ status }) => status === "failed");
    for (const { fullName, duration, failureMessages } of failed)
      show(`FAIL ${file} › ${fullName} (${duration ?? "?"} ms)`, failureMessages.join("\n"));
    if (testExecError || (failureMessage && failed.length === 0)) show(`FAIL ${file}`, failureMessage ?? "");
  }

  onRunComplete(_contexts, { numPassedTests, numFailedTests, numPendingTests }) {
    appendFileSync(process.env.REPRISE_COUNTS, `${numPassedTests} ${numFailedTests} ${numPendingTests}\n`);
  }
}

function show(title, message) {
  const lines = stripVTControlCharacters(message)
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.includes("/node_modules/"));
  process.stdout.write([title, ...lines.slice(0, shownLines).map((line) => `  ${line}`), ""].join("\n"));
}
