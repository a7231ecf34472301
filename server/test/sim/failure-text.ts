import type { FaultClass } from "./faults/classes.js";
import type { RunOptions, RunReport } from "./runner.js";
import { run } from "./runner.js";

/** How many of the last lines of a failing run are shown. */
const tailLines = 40;

/** The command that repeats a run. */
export function commandLine({ seed, steps, faults }: RunOptions): string {
  const more = [
    ...(steps === undefined ? [] : [`--steps ${steps}`]),
    ...(faults === undefined ? [] : [`--faults ${faults.join(",") || "none"}`]),
  ];
  return ["npm run -s simulate -- faults", `--seed ${seed}`, ...more].join(" ");
}

/** What a person needs of a failing run: what was broken, by what command, and what was said last. */
export async function failureText(options: RunOptions, report: RunReport): Promise<string> {
  const { violation = "" } = report;
  const lines: string[] = [];
  const names = violation.match(namesOf) ?? [];
  await run({
    ...options,
    trace: (at, line) => {
      const said = line();
      if (said.includes('"$case":"ping"')) return;
      lines.push(`${at.toFixed(1).padStart(10)}  ${said}`);
      if (lines.length > 20_000) lines.splice(0, 10_000);
    },
  });
  const about = lines.filter((line) => names.some((name) => line.includes(name)));
  const faults = lines.filter((line) => line.includes("***"));
  return [
    `seed ${report.seed}: ${violation}`,
    `again: ${commandLine(options)}`,
    "the last faults:",
    ...faults.slice(-8),
    ...(about.length === 0 ? [] : [`the last of what names ${names.join(", ")}:`]),
    ...about.slice(-tailLines),
    "the last of all:",
    ...lines.slice(-tailLines),
  ].join("\n");
}

/** What a sentence is about: jobs, tasks, workers, names of jobs. */
const namesOf = /(?:job_[0-9A-Z]{26}|worker-\d+|liar-\d+|client-\d+-\d+)/g;

export function isFaultList(names: readonly string[], known: readonly FaultClass[]) {
  return names.every((name) => known.some((fault) => fault === name));
}
