import { parseArgs } from "node:util";
import { failureText, isFaultList } from "./failure-text.js";
import type { FaultClass } from "./faults/classes.js";
import { faultClasses } from "./faults/classes.js";
import { runSeeds, type SeedOrder } from "./pool.js";
import { shrink } from "./shrink.js";
import { Summary } from "./summary.js";

const usage = `simulate faults --seed N [--steps M] [--faults a,b|none] [--json]
simulate faults --seeds COUNT [--from N] [--steps M] [--json]

The whole master over a simulated network, disk, clock and fleet, against an auditor. --seed runs one seed and
shrinks it when it fails; --seeds runs many on all cores. Faults: ${faultClasses.join(", ")}.`;

/** What can be simulated. */
const scenarios: Readonly<Record<string, (args: string[]) => Promise<number>>> = { faults };

async function faults(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: "string" },
      seeds: { type: "string" },
      from: { type: "string" },
      steps: { type: "string" },
      faults: { type: "string" },
      json: { type: "boolean" },
    },
  });
  const more = {
    ...(values.steps === undefined ? {} : { steps: numberOf("--steps", values.steps) }),
    ...(values.faults === undefined ? {} : { faults: faultsOf(values.faults) }),
  };
  const isOne = values.seeds === undefined;
  const from = numberOf("--seed", values.seed ?? values.from ?? "1");
  const count = isOne ? 1 : numberOf("--seeds", values.seeds ?? "1");
  const orders = Array.from({ length: count }, (_, i): SeedOrder => ({ seed: from + i, ...more }));
  const summary = new Summary();
  await runSeeds(orders, (report) => {
    summary.add(report);
    if (report.violation !== undefined) console.error(`seed ${report.seed}: ${report.violation}`);
  });
  console.log(values.json === true ? JSON.stringify(summary.json()) : summary.text());
  for (const { seed } of summary.failed.slice(0, 1)) {
    const shrunk = await shrink({ seed, ...more });
    if (shrunk !== undefined) console.error(await failureText(shrunk.options, shrunk.report));
  }
  if (!isOne && summary.missed.length > 0 && count >= 100) return 1;
  return summary.failed.length > 0 ? 1 : 0;
}

function numberOf(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`${option} takes a whole number, not ${text}`);
}

function faultsOf(text: string): readonly FaultClass[] {
  const names = text === "none" ? [] : text.split(",");
  if (isFaultList(names, faultClasses)) return names as FaultClass[];
  throw new RangeError(`--faults takes some of ${faultClasses.join(",")}`);
}

const [name = "", ...args] = process.argv.slice(2);
const scenario = scenarios[name];
if (scenario === undefined) {
  console.error(usage);
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await scenario(args);
  } catch (error) {
    console.error(error instanceof RangeError ? error.message : error);
    process.exitCode = 2;
  }
}
