import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { plant, runTool, uproot } from "../lib/plant.mjs";

/** Path, text, and the rule that is to complain; undefined where the text is welcome. */
const cases = [
  ["server/src/core/date.ts", "export const now = Date.now();", "no-restricted-globals"],
  ["server/src/core/new-date.ts", "export const now = new Date();", "no-restricted-globals"],
  ["server/src/core/dice.ts", "export const d = Math.random();", "no-restricted-properties"],
  ["server/src/core/dice-part.ts", "export const { random } = Math;", "no-restricted-properties"],
  ["server/src/core/dice-alias.ts", "export const m = Math;", "no-restricted-syntax"],
  ["server/src/core/around.ts", "export const g = globalThis;", "no-restricted-globals"],
  ["server/src/core/node.ts", 'export { join } from "node:path";', "no-restricted-imports"],
  ["server/src/core/package.ts", 'export { pino } from "pino";', "no-restricted-imports"],
  ["server/src/core/late.ts", 'export const l = import("./date.js");', "no-restricted-syntax"],
  ["server/src/core/fine.ts", "export const two = Math.max(1, 2);", undefined],
  ["server/src/rpc/date.ts", "export const now = Date.now();", undefined],
  ["server/src/rpc/env.ts", "export const e = process.env;", "no-restricted-properties"],
  ["server/src/main.ts", "export const e = process.env;", undefined],
  ["server/src/rpc/any.ts", "export const a: any = 1;", "@typescript-eslint/no-explicit-any"],
  ["server/test/any.test.ts", "export const a: any = 1;", undefined],
  ["server/src/rpc/console.ts", "console.log(1);\nexport {};", "no-console"],
  ["sdk/typescript/src/console.ts", "console.log(1);\nexport {};", "no-console"],
  ["cli/src/console.ts", "console.log(1);\nexport {};", undefined],
  ["bench/src/console.ts", "console.log(1);\nexport {};", undefined],
  ["examples/src/console.ts", "console.log(1);\nexport {};", undefined],
  [
    "server/src/rpc/floating.ts",
    "async function f(): Promise<void> {}\nf();\nexport {};",
    "@typescript-eslint/no-floating-promises",
  ],
  [
    "server/src/rpc/type-import.ts",
    'import { Socket } from "node:net";\nexport type S = Socket;',
    "@typescript-eslint/consistent-type-imports",
  ],
  ["server/src/rpc/protocol.ts", 'export { join } from "path";', "capstan/node-protocol"],
  ["server/src/rpc/camelCase.ts", "export {};", "capstan/kebab-case-filename"],
  ["server/src/rpc/long.ts", longFunction(80), "max-lines-per-function"],
  ["server/src/rpc/short.ts", longFunction(60), undefined],
  [
    "server/src/rpc/inexhaustive.ts",
    'type K = "a" | "b";\nexport function f(k: K): number {\n' +
      '  switch (k) {\n    case "a":\n      return 1;\n  }\n  return 0;\n}',
    "@typescript-eslint/switch-exhaustiveness-check",
  ],
];

function longFunction(lines) {
  return `export function f(): void {\n${"  void 0;\n".repeat(lines)}}`;
}

function lint() {
  const files = Object.fromEntries(cases.map(([path, text]) => [path, `${text}\n`]));
  const configs = ["server", "sdk/typescript", "cli", "bench", "examples"];
  const copied = ["eslint.config.mjs", "tsconfig.base.json", "tools/lint"];
  for (const name of configs) {
    const up = name.includes("/") ? "../../" : "../";
    files[`${name}/tsconfig.json`] = JSON.stringify({
      extends: `${up}tsconfig.base.json`,
      include: ["src", "test"],
    });
  }
  const folder = plant(files, { copied });
  try {
    const ran = runTool(folder, "eslint/bin/eslint.js", [".", "--format", "json"]);
    assert.notEqual(ran.stdout, "", ran.stderr);
    const entries = JSON.parse(ran.stdout).map(({ filePath, messages }) => [
      relative(folder, filePath).split("\\").join("/"),
      messages.map(({ ruleId, message }) => ruleId ?? message),
    ]);
    return new Map(entries);
  } finally {
    uproot(folder);
  }
}

describe("the linter", () => {
  let found;
  before(() => {
    found = lint();
  });

  for (const [path, , rule] of cases) {
    it(`${rule === undefined ? "accepts" : `flags by ${rule}`} ${join(path)}`, () => {
      const rules = found.get(path);
      if (rule === undefined) assert.deepEqual(rules, []);
      else assert.ok(rules.includes(rule), `found only: ${rules.join(", ") || "nothing"}`);
    });
  }
});
