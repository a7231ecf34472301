import { parseArgs } from "node:util";
import { decideBench } from "./decide.bench.js";
import { latencyBench } from "./latency.bench.js";
import { memoryBench } from "./memory.bench.js";
import { replayBench } from "./replay.bench.js";
import { scaleBench } from "./scale.bench.js";
import { snapshotBench } from "./snapshot.bench.js";
import { type BenchOptions, type Finding, formatFinding } from "./support/report.js";
import { Scratch } from "./support/scratch.js";
import { throughputBench } from "./throughput.bench.js";

type Bench = (scratch: Scratch, options: BenchOptions) => Promise<Finding>;

const benches: Readonly<Record<string, Bench>> = {
  throughput: throughputBench,
  latency: latencyBench,
  decide: decideBench,
  memory: memoryBench,
  replay: replayBench,
  scale: scaleBench,
  snapshot: snapshotBench,
};

const usage = `usage: npm run -s bench -- NAME [--json] [--runs N] [--count N]

  NAME       ${Object.keys(benches).join(", ")}
  --json     print one line of JSON
  --runs N   how often everything is measured
  --count N  how many tasks a run has (fewer than the default say little)
`;

const signals = { SIGINT: 2, SIGTERM: 15 } as const;

async function run(): Promise<number> {
  const { name, json, options } = readArguments();
  const bench = benches[name];
  if (bench === undefined) {
    process.stderr.write(name === "" ? usage : `there is no bench ${name}\n${usage}`);
    return 2;
  }
  const scratch = new Scratch();
  for (const [signal, number] of Object.entries(signals)) {
    // Leaving runs the scratch's own handler: processes are killed, folders removed.
    process.on(signal, () => process.exit(128 + number));
  }
  try {
    const finding = await bench(scratch, options);
    process.stdout.write(`${json ? JSON.stringify(finding.report) : formatFinding(finding)}\n`);
    return 0;
  } finally {
    await scratch.close();
  }
}

function readArguments(): { name: string; json: boolean; options: BenchOptions } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean" },
      runs: { type: "string" },
      count: { type: "string" },
    },
  });
  const runs = positive("--runs", values.runs);
  const count = positive("--count", values.count);
  return {
    name: positionals[0] ?? "",
    json: values.json ?? false,
    options: { ...(runs === undefined ? {} : { runs }), ...(count === undefined ? {} : { count }) },
  };
}

function positive(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`${flag} takes a positive number, got ${text}`);
}

run().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? "") : String(error)}\n`);
    process.exit(1);
  },
);
