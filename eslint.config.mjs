import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";
import capstan from "./tools/lint/plugin.mjs";

const nodeGlobals = Object.fromEntries(
  Object.getOwnPropertyNames(globalThis).map((name) => [name, "readonly"]),
);

// What the compiler cannot hold for the core: tsconfig.core.json takes timers, process, console and crypto
// away from it, but Date and Math belong to the language.
const corePurity = {
  "no-restricted-globals": [
    "error",
    { name: "Date", message: "Take `now` or `wall` from Context." },
    { name: "globalThis", message: "The core reaches for nothing around it." },
  ],
  "no-restricted-properties": [
    "error",
    { object: "Math", property: "random", message: "Take the draw from Context." },
  ],
  "no-restricted-syntax": [
    "error",
    {
      selector: ":not(MemberExpression) > Identifier[name='Math']",
      message: "Take the draw from Context: Math goes by no other name here.",
    },
    {
      selector: "ImportExpression",
      message: "The core imports nothing at run time.",
    },
  ],
  "no-restricted-imports": [
    "error",
    {
      patterns: [
        {
          regex: "^(?!\\.)",
          message: "The core imports its own files only: no package, no Node.",
        },
      ],
    },
  ],
};

export default defineConfig(
  globalIgnores(["**/dist/", "**/node_modules/", "proto/gen/", ".tools/", "coverage/"]),
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    plugins: { capstan },
    rules: {
      "capstan/kebab-case-filename": "error",
      "capstan/node-protocol": "error",
    },
  },
  {
    files: ["**/*.{js,mjs,cjs}"],
    extends: [js.configs.recommended],
    languageOptions: { globals: nodeGlobals },
  },
  {
    files: ["**/*.cjs"],
    languageOptions: { globals: { module: "writable", require: "readonly" } },
  },
  {
    files: ["**/test/**/*.{mjs,js}"],
    languageOptions: {
      globals: Object.fromEntries(
        ["describe", "it", "before", "after", "beforeEach", "afterEach"].map((n) => [
          n,
          "readonly",
        ]),
      ),
    },
  },
  {
    files: ["**/*.ts"],
    extends: [js.configs.recommended, tseslint.configs.recommended],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      eqeqeq: "error",
      "no-console": "error",
      "no-undef": "off",
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": [
        "error",
        { checksVoidReturn: { arguments: false } },
      ],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "max-lines": ["warn", { max: 400 }],
      // Taste, not law: a longer function is sometimes the clearer one.
      "max-lines-per-function": ["warn", { max: 70, skipBlankLines: true, skipComments: true }],
    },
  },
  { files: ["server/src/core/**/*.ts"], rules: corePurity },
  {
    // All time and all dice of the simulator are its scheduler's and its seed's.
    files: ["server/test/sim/**/*.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        ...["Date", "performance", "setTimeout", "setInterval", "setImmediate", "crypto"].map(
          (name) => ({
            name,
            message: "Take time from the scheduler, dice from the seed.",
          }),
        ),
      ],
      "no-restricted-properties": [
        "error",
        { object: "Math", property: "random", message: "Take dice from the seed." },
      ],
    },
  },
  {
    // Configuration is read once, where everything is built.
    files: ["server/src/**/*.ts"],
    ignores: ["server/src/core/**", "server/src/main.ts"],
    rules: {
      "no-restricted-properties": [
        "error",
        { object: "process", property: "env", message: "Read the environment in main.ts only." },
      ],
    },
  },
  {
    files: ["cli/**/*.ts", "**/examples/**/*.ts", "bench/**/*.ts", "**/test/**/*.ts"],
    rules: { "no-console": "off" },
  },
  {
    files: ["**/test/**/*.ts"],
    rules: {
      "@typescript-eslint/no-explicit-any": "off",
      "max-lines": "off",
      "max-lines-per-function": "off",
    },
  },
);
