/** @type {import("jest").Config} */
export default {
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
  ...(process.env.REPRISE_COUNTS ? { reporters: ["default", "<rootDir>/scripts/count-reporter.mjs"] } : {}),
};
