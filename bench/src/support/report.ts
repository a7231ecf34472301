import { cpus, platform, release } from "node:os";

/** What a bench found, as `--json` prints it: one line. */
export interface Report {
  /** The bench's name. */
  readonly bench: string;
  /** The figure. */
  readonly value: number;
  /** What it counts. */
  readonly unit: string;
  /** The figure beside what was measured in the same run: what two machines can compare. */
  readonly ratio: number;
  /** What it is measured against. */
  readonly beside: { readonly what: string; readonly value: number; readonly unit: string };
  /** Every run, the counts of accepted work, and how it was set up. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** A report, and the same for people. */
export interface Finding {
  readonly report: Report;
  /** The first row is the head. */
  readonly table: readonly (readonly string[])[];
  /** What the table does not say. */
  readonly notes: readonly string[];
}

/** How much a bench does. */
export interface BenchOptions {
  /** How often everything is measured. */
  readonly runs?: number;
  /** How many tasks a run has. */
  readonly count?: number;
}

/** What all that goes before and beside a run is cut down to, when fewer than the default are measured. */
export function shareOf(count: number, defaultCount: number): number {
  return Math.min(1, count / defaultCount);
}

/** Where it was measured. */
export function machine(): Readonly<Record<string, unknown>> {
  return {
    node: process.version,
    cpu: cpus()[0]?.model ?? "unknown",
    cpuCount: cpus().length,
    os: `${platform()} ${release()}`,
  };
}

/** A finding as text: the table with its columns in line, and the notes under it. */
export function formatFinding({ report, table, notes }: Finding): string {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  );
  const lines = table.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[i] ?? 0))),
  );
  const { value, unit, ratio, beside } = report;
  return [
    `${report.bench}: ${formatNumber(value)} ${unit}; ${ratio.toFixed(3)} of ` +
      `${formatNumber(beside.value)} ${beside.unit} (${beside.what})`,
    "",
    ...lines.map((cells) => cells.join("  ").trimEnd()),
    "",
    ...notes,
  ].join("\n");
}

/** For people: whole numbers in groups of three, small ones to a thousandth. */
export function formatNumber(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: Math.abs(value) < 100 ? 3 : 0 });
}
