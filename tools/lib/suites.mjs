// The suites of `npm test`, in the order in which they run. docs/test-budgets.md says why each has its budget;
// a test compares the two.

/**
 * `beside`: it waits much of its time, for processes and terms, and for events only, so that it runs beside
 * the others, which leave half of two cores idle.
 *
 * @typedef {{
 *   name: string, folder: string, spec: string, budgetSeconds: number, verifySeconds: number, beside?: boolean
 * }} Suite
 */

const compiled = "dist/test/**/*.test.js";

/** @type {readonly Suite[]} */
export const suites = [
  {
    name: "server",
    folder: "server",
    spec: "dist/test/!(chaos|sim)/**/*.test.js",
    budgetSeconds: 240,
    verifySeconds: 1800,
  },
  {
    name: "chaos",
    folder: "server",
    spec: "dist/test/chaos/**/*.test.js",
    budgetSeconds: 240,
    verifySeconds: 1800,
    beside: true,
  },
  {
    name: "sim",
    folder: "server",
    spec: "dist/test/sim/**/*.test.js",
    budgetSeconds: 800,
    verifySeconds: 36_000,
  },
  { name: "sdk", folder: "sdk/typescript", spec: compiled, budgetSeconds: 45, verifySeconds: 600 },
  { name: "cli", folder: "cli", spec: compiled, budgetSeconds: 60, verifySeconds: 120 },
  { name: "examples", folder: "examples", spec: compiled, budgetSeconds: 90, verifySeconds: 600 },
  {
    name: "conformance",
    folder: "conformance",
    spec: compiled,
    budgetSeconds: 30,
    verifySeconds: 600,
  },
  { name: "bench", folder: "bench", spec: compiled, budgetSeconds: 60, verifySeconds: 120 },
  {
    name: "tools",
    folder: "tools",
    spec: "test/**/*.test.mjs",
    budgetSeconds: 45,
    verifySeconds: 120,
  },
];
