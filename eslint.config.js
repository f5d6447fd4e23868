import js from "@eslint/js";
import tseslint from "typescript-eslint";

/** Which layer may import which; `docs/architecture.md` says why. */
const layers = {
  core: [
    "engines",
    "lambdas",
    "providers",
    "transports",
    "stores",
    "cli",
    "cdk",
    "analysis",
    "experiments",
    "notebooks",
  ],
  analysis: ["engines", "lambdas", "providers", "transports", "stores", "cli", "cdk", "experiments", "notebooks"],
  providers: ["engines", "lambdas", "cli", "cdk", "analysis", "experiments", "notebooks"],
  transports: ["engines", "lambdas", "cli", "cdk", "analysis", "experiments", "notebooks"],
  stores: ["engines", "lambdas", "cli", "cdk", "analysis", "experiments", "notebooks"],
  lambdas: ["cli", "cdk", "analysis", "experiments", "notebooks"],
  cdk: ["engines", "providers", "transports", "stores", "cli", "analysis", "experiments", "notebooks"],
  experiments: ["engines", "lambdas", "providers", "transports", "stores", "cli", "cdk", "notebooks"],
};

export default tseslint.config(
  { ignores: ["dist/", "node_modules/", "cdk.out/", "coverage/", "figures/", ".reprise/"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "separate-type-imports" }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-import-type-side-effects": "error",
      // Fakes and handlers implement async interfaces without awaiting.
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/unified-signatures": "off",
      "no-console": "error",
    },
  },
  ...Object.entries(layers).map(([layer, forbidden]) => ({
    files: [`${layer}/**/*.ts`],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              regex: `^(\\.\\./)+(${forbidden.join("|")})/`,
              message: `${layer}/ must not import from there: see docs/architecture.md`,
            },
          ],
        },
      ],
    },
  })),
  {
    files: ["core/**/*.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        { name: "process", message: "core has no environment: take it as an effect" },
        { name: "setTimeout", message: "core has no clock: take it as an effect" },
        { name: "fetch", message: "core has no network: take it as an effect" },
      ],
    },
  },
  {
    files: ["test/**/*.ts"],
    rules: { "@typescript-eslint/no-non-null-assertion": "off" },
  },
  {
    files: ["**/*.{js,mjs}"],
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        URL: "readonly",
        Buffer: "readonly",
        setTimeout: "readonly",
        clearTimeout: "readonly",
        setInterval: "readonly",
        clearInterval: "readonly",
        performance: "readonly",
        fetch: "readonly",
      },
    },
  },
);
