import { availableParallelism } from "node:os";

/** @type {import("jest").Config} */
export default {
  // At least two, so that tests run in processes that can be made anew: what a process has loaded for one file it keeps,
  // hundreds of files' worth would fill a small machine's memory.
  maxWorkers: Math.min(8, Math.max(2, availableParallelism())),
  workerIdleMemoryLimit: "700MB",
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { parser: { syntax: "typescript" }, target: "es2023" }, module: { type: "es6" } },
    ],
  },
  // Tests that need parts beyond Node and npm are named *.extra.test.ts and run by `npm run test:extra`.
  testPathIgnorePatterns: [
    "/node_modules/",
    "/fixtures/",
    ...(process.env.REPRISE_EXTRA ? [] : ["\\.extra\\.test\\.ts$"]),
  ],
  // Only hung tests need it: a machine may be many times slower than ours, and busy.
  testTimeout: 600_000,
  ...(process.env.REPRISE_COUNTS ? { reporters: ["summary", "<rootDir>/scripts/ci-reporter.mjs"] } : {}),
};
