import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { plant, runTool, uproot } from "../lib/plant.mjs";

const config = createRequire(import.meta.url)("../../.dependency-cruiser.cjs");

/** For each rule: files with imports (paths from the root) that it forbids. */
const violations = {
  "core-is-pure": [
    ["server/src/core/reads-a-file.ts", "node:fs"],
    ["server/src/core/knows-the-engine.ts", "server/src/engine/engine.ts"],
    ["server/src/core/knows-the-contract.ts", "proto/gen/capstan.ts"],
  ],
  "core-by-its-front-door": [
    ["server/src/engine/by-the-window.ts", "server/src/core/state.ts"],
    ["server/test/engine/by-the-window.test.ts", "server/src/core/state.ts"],
  ],
  "stores-see-only-the-core": [
    ["server/src/journal/knows-the-engine.ts", "server/src/engine/engine.ts"],
    ["server/src/payloads/knows-the-journal.ts", "server/src/journal/journal.ts"],
  ],
  "history-reads-the-journal": [
    ["server/src/history/knows-rpc.ts", "server/src/rpc/handler.ts"],
    ["server/src/history/knows-payloads.ts", "server/src/payloads/payload-store.ts"],
  ],
  "engine-points-down": [
    ["server/src/engine/knows-rpc.ts", "server/src/rpc/handler.ts"],
    ["server/src/engine/knows-telemetry.ts", "server/src/telemetry/spans.ts"],
    ["server/src/engine/knows-main.ts", "server/src/main.ts"],
  ],
  "snapshots-point-down": [
    ["server/src/snapshots/knows-rpc.ts", "server/src/rpc/handler.ts"],
    ["server/src/snapshots/knows-history.ts", "server/src/history/history.ts"],
  ],
  "snapshots-are-for-main": [
    ["server/src/engine/knows-snapshots.ts", "server/src/snapshots/build.ts"],
    ["server/src/rpc/knows-snapshots.ts", "server/src/snapshots/build.ts"],
  ],
  "edges-point-down": [["server/src/http/knows-main.ts", "server/src/main.ts"]],
  "edges-leave-the-journal-to-the-engine": [
    ["server/src/rpc/appends.ts", "server/src/journal/journal.ts"],
  ],
  "telemetry-observes": [["server/src/telemetry/calls.ts", "server/src/rpc/handler.ts"]],
  "server-knows-no-sdk": [
    ["server/src/rpc/knows-the-sdk.ts", "sdk/typescript/src/index.ts"],
    ["server/src/rpc/knows-the-command.ts", "cli/src/main.ts"],
  ],
  "server-tests-know-no-client-package": [
    ["server/test/rpc/knows-the-command.test.ts", "cli/src/main.ts"],
  ],
  "sdk-knows-no-server": [["sdk/typescript/src/starts.ts", "server/src/index.ts"]],
  "sdk-tests-know-no-caller": [["sdk/typescript/test/calls.test.ts", "cli/src/main.ts"]],
  "server-by-its-package-door": [["examples/src/by-the-window.ts", "server/src/engine/engine.ts"]],
  "server-inside-is-for-benches": [["examples/src/by-the-back-door.ts", "server/src/inside.ts"]],
  "sdk-by-its-package-door": [["bench/src/by-the-window.ts", "sdk/typescript/src/client.ts"]],
  "cli-is-a-client": [["cli/src/commands/job.ts", "server/src/index.ts"]],
  "cli-knows-no-caller": [["cli/src/shows-off.ts", "examples/src/flights.ts"]],
  "conformance-knows-processes": [
    ["conformance/src/starts.ts", "server/src/index.ts"],
    ["conformance/test/uses.test.ts", "sdk/typescript/src/index.ts"],
  ],
  "proto-knows-nobody": [["proto/src/calls.ts", "server/src/index.ts"]],
  "src-knows-no-test": [["server/src/rpc/leans.ts", "server/test/helper.ts"]],
  "dependencies-are-declared": [["server/src/rpc/borrows.ts", "package:commander"]],
  "no-cycles": [
    ["server/src/rpc/hen.ts", "server/src/rpc/egg.ts"],
    ["server/src/rpc/egg.ts", "server/src/rpc/hen.ts"],
  ],
  "everything-resolves": [["cli/src/dangles.ts", "cli/src/nowhere.ts"]],
};

/** Imports that the design wants: none of them may be flagged. */
const allowed = [
  ["server/src/main.ts", "server/src/rpc/handler.ts"],
  ["server/src/main.ts", "server/src/journal/journal.ts"],
  ["server/src/index.ts", "server/src/main.ts"],
  ["server/src/rpc/handler.ts", "server/src/engine/engine.ts"],
  ["server/src/rpc/handler.ts", "server/src/telemetry/spans.ts"],
  ["server/src/rpc/handler.ts", "server/src/core/index.ts"],
  ["server/src/rpc/handler.ts", "proto/gen/capstan.ts"],
  ["server/src/engine/engine.ts", "server/src/journal/journal.ts"],
  ["server/src/engine/engine.ts", "server/src/core/index.ts"],
  ["server/src/journal/journal.ts", "server/src/core/index.ts"],
  ["server/src/journal/journal.ts", "node:fs"],
  ["server/src/journal/file/segment.ts", "server/src/journal/journal.ts"],
  ["server/src/rpc/handler.ts", "package:@grpc/grpc-js"],
  ["server/test/rpc/handler.test.ts", "package:fast-check"],
  ["server/src/journal/codec.ts", "proto/gen/capstan.ts"],
  ["server/src/core/index.ts", "server/src/core/state.ts"],
  ["server/test/core/state.test.ts", "server/src/core/state.ts"],
  ["server/test/rpc/handler.test.ts", "server/test/helper.ts"],
  ["server/test/rpc/handler.test.ts", "sdk/typescript/src/index.ts"],
  ["sdk/typescript/src/index.ts", "sdk/typescript/src/client.ts"],
  ["sdk/typescript/src/client.ts", "proto/gen/capstan.ts"],
  ["sdk/typescript/test/client.test.ts", "server/src/index.ts"],
  ["sdk/testing/src/master.ts", "server/src/index.ts"],
  ["cli/src/main.ts", "cli/src/commands/server.ts"],
  ["cli/src/commands/server.ts", "server/src/index.ts"],
  ["cli/src/commands/job-run.ts", "sdk/typescript/src/index.ts"],
  ["examples/src/flights.ts", "server/src/index.ts"],
  ["conformance/src/runner.ts", "proto/gen/capstan.ts"],
];

const top = ["proto", "server", "sdk", "cli", "examples", "bench", "conformance"];

function importOf(from, to) {
  if (to.startsWith("node:")) return to;
  if (to.startsWith("package:")) return to.slice("package:".length);
  const up = "../".repeat(from.split("/").length - 1);
  return `${up}${to.replace(/\.ts$/, ".js")}`;
}

function treeOf(imports) {
  const files = {};
  for (const [, to] of imports) {
    const isFile = to.endsWith(".ts") && !to.endsWith("nowhere.ts");
    if (isFile) files[to] = "export const x = 1;\n";
  }
  for (const [from] of imports) files[from] = "export const x = 1;\n";
  for (const [index, [from, to]] of imports.entries()) {
    files[from] += `import * as y${index} from "${importOf(from, to)}";\nvoid y${index};\n`;
  }
  files["server/package.json"] = JSON.stringify({ dependencies: { "@grpc/grpc-js": "1.14.7" } });
  for (const name of top) files[`${name}/src/placeholder.ts`] ??= "export {};\n";
  return files;
}

/** The violations found in a tree, each as `rule: from`. */
function cruise(imports) {
  const folder = plant(treeOf(imports), {
    copied: [".dependency-cruiser.cjs", "tsconfig.base.json"],
  });
  try {
    const args = ["--config", ".dependency-cruiser.cjs", "--output-type", "json", ...top];
    const ran = runTool(folder, "dependency-cruiser/bin/dependency-cruise.mjs", args);
    const found = JSON.parse(ran.stdout).summary.violations;
    return found.map(({ rule, from }) => `${rule.name}: ${from}`);
  } finally {
    uproot(folder);
  }
}

describe("the arrows between folders", () => {
  it("has a planted violation for every rule", () => {
    const rules = config.forbidden.map(({ name }) => name).sort();
    assert.deepEqual(Object.keys(violations).sort(), rules);
  });

  it("finds every planted violation under the rule that it breaks", () => {
    const found = new Set(cruise(Object.values(violations).flat()));
    const missed = Object.entries(violations).flatMap(([rule, imports]) =>
      imports.map(([from]) => `${rule}: ${from}`).filter((key) => !found.has(key)),
    );
    // One line of a cycle is enough: the other is the same cycle.
    assert.deepEqual(
      missed.filter((key) => !key.startsWith("no-cycles")),
      [],
    );
    assert.ok([...found].some((key) => key.startsWith("no-cycles: ")));
  });

  it("lets pass what the design draws", () => {
    assert.deepEqual(cruise(allowed), []);
  });
});
