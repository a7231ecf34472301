// The arrows of docs/architecture.md. They point one way:
//   main -> rpc, http, failures, telemetry -> engine -> history -> journal, payloads -> core
//   main -> snapshots -> engine
//   sdk -> proto;  cli -> sdk (and the server by its package door, for `capstan server`)
// tools/test/arrows.test.mjs plants a violation of every rule here and expects it to be found.
//
// A package is met as its sources, or as what they compile to: imports by a package's name resolve to dist.

const forbid = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

/** A folder of a package, as source or compiled. Its groups do not count: `$1` is the caller's own. */
const at = (pkg, rest) => `^${pkg}/(?:src|dist/src)/${rest}`;
const anyServer = "^server/";
const anySdk = "^sdk/(?!testing/)";

module.exports = {
  forbidden: [
    forbid(
      "core-is-pure",
      "The core depends on nothing but itself: no Node, no package, no other folder.",
      { path: at("server", "core/") },
      { pathNot: at("server", "core/") },
    ),
    forbid(
      "core-by-its-front-door",
      "Everyone else uses the core through core/index.ts. Tests of the core itself may look inside.",
      { path: anyServer, pathNot: "^server/(src|test|dist/src|dist/test)/core/" },
      { path: at("server", "core/"), pathNot: at("server", "core/index\\.") },
    ),
    forbid(
      "stores-see-only-the-core",
      "journal and payloads stand below the engine and beside each other.",
      { path: at("server", "(journal|payloads)/") },
      { path: "^server/(src|dist/src)/", pathNot: at("server", "(core|$1)/") },
    ),
    forbid(
      "history-reads-the-journal",
      "history is what the journal says, in other words: it knows the journal and the core.",
      { path: at("server", "history/") },
      { path: "^server/(src|dist/src)/", pathNot: at("server", "(core|journal|history)/") },
    ),
    forbid(
      "engine-points-down",
      "The engine knows its stores and the core, and nobody who calls it.",
      { path: at("server", "engine/") },
      {
        path: "^server/(src|dist/src)/",
        pathNot: at("server", "(engine|journal|payloads|history|core)/"),
      },
    ),
    forbid(
      "snapshots-point-down",
      "Snapshots are built from the journal by the engine's replay: main starts that, and edges know nothing of it.",
      { path: at("server", "snapshots/") },
      {
        path: "^server/(src|dist/src)/",
        pathNot: at("server", "(snapshots|engine|journal|payloads|core)/"),
      },
    ),
    forbid(
      "snapshots-are-for-main",
      "Whoever reads or serves does not know whether the state came from a snapshot.",
      { path: at("server", "(engine|rpc|http|failures|telemetry|history)/") },
      { path: at("server", "snapshots/") },
    ),
    forbid(
      "edges-point-down",
      "rpc, http, failures and telemetry are built by main and do not know it.",
      { path: at("server", "(rpc|http|failures|telemetry)/") },
      { path: at("server", "(main|index|cli)\\.") },
    ),
    forbid(
      "edges-leave-the-journal-to-the-engine",
      "Only the engine appends and only main opens: edges ask the engine.",
      { path: at("server", "(rpc|http|failures|telemetry)/") },
      { path: at("server", "journal/") },
    ),
    forbid(
      "telemetry-observes",
      "Telemetry decides nothing: it knows no handler.",
      { path: at("server", "telemetry/") },
      { path: at("server", "(rpc|http|failures)/") },
    ),
    forbid(
      "server-knows-no-sdk",
      "The server's sources know the contract alone.",
      { path: "^server/src/" },
      { path: "^(sdk|cli|examples|conformance|bench)/" },
    ),
    forbid(
      "server-tests-know-no-client-package",
      "Tests of the server may drive it with the SDK, and with nothing above that.",
      { path: "^server/test/" },
      { path: "^(cli|examples|conformance|bench)/" },
    ),
    forbid(
      "sdk-knows-no-server",
      "The SDK's sources know the contract alone; sdk/testing may start a server.",
      { path: `${anySdk}[^/]+/src/` },
      { path: "^(server|cli|examples|conformance|bench)/" },
    ),
    forbid(
      "sdk-tests-know-no-caller",
      "Tests of the SDK may start the server by its package door, and know no caller of the SDK.",
      { path: `${anySdk}[^/]+/test/` },
      { path: "^(cli|examples|conformance|bench)/" },
    ),
    forbid(
      "server-by-its-package-door",
      "Whoever starts the server from another package does it through its index.",
      { pathNot: anyServer },
      { path: anyServer, pathNot: "^server/(src|dist/src)/(index|inside)\\." },
    ),
    forbid(
      "server-inside-is-for-benches",
      "Only benches measure parts of the server without a master around them.",
      { pathNot: "^bench/" },
      { path: at("server", "inside\\.") },
    ),
    forbid(
      "sdk-by-its-package-door",
      "Whoever uses the SDK does it as a user would.",
      { pathNot: "^sdk/" },
      { path: "^sdk/typescript/", pathNot: "^sdk/typescript/(src|dist/src)/index\\." },
    ),
    forbid(
      "cli-is-a-client",
      "The command is a client like any other; only its `server` command starts the package.",
      { path: "^cli/src/", pathNot: "^cli/src/(commands/)?server[-./]" },
      { path: anyServer },
    ),
    forbid(
      "cli-knows-no-caller",
      "Nothing above the command is known to it.",
      { path: "^cli/" },
      { path: "^(examples|conformance|bench)/" },
    ),
    forbid(
      "conformance-knows-processes",
      "Conformance treats servers and SDKs as processes: it knows the contract alone.",
      { path: "^conformance/" },
      { path: "^(server|sdk|cli|examples|bench)/" },
    ),
    forbid(
      "proto-knows-nobody",
      "The contract stands at the bottom.",
      { path: "^proto/" },
      { path: "^(server|sdk|cli|examples|conformance|bench)/" },
    ),
    forbid(
      "src-knows-no-test",
      "Sources do not lean on tests.",
      { path: "/src/", pathNot: "^(bench/|.*/test/)" },
      { path: "/test/", pathNot: "node_modules" },
    ),
    forbid(
      "dependencies-are-declared",
      "A package imports what its own package.json names, so that it works when installed alone.",
      { path: "/src/", pathNot: "/(dist|node_modules)/" },
      { dependencyTypes: ["npm-no-pkg", "npm-unknown", "npm-dev"] },
    ),
    forbid("no-cycles", "Two files that need each other are one.", {}, { circular: true }),
    forbid(
      "everything-resolves",
      "An import that resolves to nothing escapes every other rule. Compile first (`tsc -b`).",
      {},
      { couldNotResolve: true },
    ),
  ],
  options: {
    tsConfig: { fileName: "tsconfig.base.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: ["node_modules", "/dist/"] },
    exclude: { path: ["^[^/]+(/typescript)?/dist/.*\\.tsbuildinfo$"] },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["types", "import", "node", "default"],
    },
  },
};
