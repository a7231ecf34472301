import assert from "node:assert/strict";
import { plant, runTool, uproot } from "../lib/plant.mjs";

/** What has no place in the core, and what the compiler says to it under tsconfig.core.json. */
const impurities = {
  "timer.ts": "export const t = setTimeout(() => 1, 1);",
  "process.ts": "export const e = process.env;",
  "console.ts": "console.log(1);\nexport {};",
  "performance.ts": "export const n = performance.now();",
  "crypto.ts": "export const u = crypto.randomUUID();",
  "buffer.ts": "export const b = Buffer.alloc(1);",
};

describe("the core's own compiler settings", () => {
  it("know no timer, process, console, clock, crypto or Buffer", function () {
    const files = {
      "server/src/core/pure.ts": "export const one: Map<string, number> = new Map();",
    };
    for (const [name, text] of Object.entries(impurities)) files[`server/src/core/${name}`] = text;
    const folder = plant(files, {
      copied: ["tsconfig.base.json", "server/tsconfig.core.json", "server/package.json"],
    });
    try {
      const ran = runTool(folder, "typescript/bin/tsc", ["-p", "server/tsconfig.core.json"]);
      const flagged = new Set(ran.stdout.match(/[a-z-]+\.ts(?=\()/g));
      assert.deepEqual([...flagged].sort(), Object.keys(impurities).sort(), ran.stdout);
    } finally {
      uproot(folder);
    }
  });
});
