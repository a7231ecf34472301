import { gates } from "./gates.js";
import type { RunReport } from "./runner.js";

/** What many runs came to together. */
export class Summary {
  seeds = 0;
  virtualMs = 0;
  checks = 0;
  /** Accepted commands of the run that had the fewest. */
  fewestAccepted = Infinity;
  /** Virtual time of the run that had the least. */
  shortestMs = Infinity;
  readonly accepted = new Map<string, number>();
  readonly faults = new Map<string, number>();
  readonly gates = new Map<string, number>();
  readonly failed: RunReport[] = [];

  add(report: RunReport): void {
    this.seeds += 1;
    this.virtualMs += report.virtualMs;
    this.checks += report.checks;
    this.fewestAccepted = Math.min(this.fewestAccepted, acceptedIn(report));
    this.shortestMs = Math.min(this.shortestMs, report.virtualMs);
    addAll(this.accepted, report.accepted);
    addAll(this.faults, report.faults);
    addAll(this.gates, report.gates);
    if (report.violation !== undefined) this.failed.push(report);
  }

  /** Gates that nobody saw. */
  get missed(): readonly string[] {
    return gates.filter((gate) => !this.gates.has(gate));
  }

  /** A page for a person. */
  text(): string {
    const total = [...this.accepted.values()].reduce((sum, count) => sum + count, 0);
    return [
      `${this.seeds} seeds, ${(this.virtualMs / 3_600_000).toFixed(1)} hours of virtual time, ` +
        `${total} accepted commands (at least ${this.fewestAccepted} a seed), ${this.checks} checks`,
      `commands: ${list(this.accepted)}`,
      `faults: ${list(this.faults)}`,
      `gates: ${list(this.gates)}`,
      ...(this.missed.length === 0 ? [] : [`never seen: ${this.missed.join("; ")}`]),
    ].join("\n");
  }

  json(): object {
    return {
      seeds: this.seeds,
      virtualHours: this.virtualMs / 3_600_000,
      checks: this.checks,
      fewestAccepted: this.fewestAccepted,
      accepted: Object.fromEntries(this.accepted),
      faults: Object.fromEntries(this.faults),
      gates: Object.fromEntries(this.gates),
      missed: this.missed,
      failed: this.failed.map(({ seed, violation }) => ({ seed, violation })),
    };
  }
}

export function acceptedIn({ accepted }: RunReport): number {
  return Object.values(accepted).reduce((sum, count) => sum + count, 0);
}

function addAll(into: Map<string, number>, from: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(from)) into.set(name, (into.get(name) ?? 0) + count);
}

function list(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}
