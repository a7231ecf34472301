/** The progress of a job: a bar that is redrawn on a terminal, a line now and then elsewhere. */
import type { JobProgress } from "@capstan/sdk";
import { seconds } from "./figures.js";
import { dim } from "./text.js";

const barWidth = 24;
const leastBarWidth = 6;
const titleWidth = 22;
const gap = "  ";
/** How often a line is printed where nothing can be redrawn. Milliseconds. */
const lineEveryMs = 2_000;

export class ProgressLine {
  readonly #title: string;
  readonly #out: NodeJS.WriteStream;
  readonly #startedAt = performance.now();
  #printedAt = -Infinity;

  constructor(title: string, out: NodeJS.WriteStream = process.stdout) {
    this.#title = title.padEnd(titleWidth);
    this.#out = out;
  }

  /** Shows how far the job is: for `runJob`'s `onProgress`. */
  show({ job, tasksPerSecond }: JobProgress): void {
    const ms = performance.now() - this.#startedAt;
    const hasEnded = job.finishedAt !== undefined;
    const stages = job.stages.map(({ name, counts }) => {
      const total = String(counts.total);
      return `${name} ${String(counts.succeeded).padStart(total.length)}/${total}`;
    });
    const rate = hasEnded || tasksPerSecond === 0 ? "" : `${tasksPerSecond.toFixed(0)}/s`;
    const line = [...stages, seconds(ms).padStart(6), rate].join("   ").trimEnd();
    if (this.#out.isTTY) {
      const done = job.counts.succeeded / Math.max(1, job.counts.total);
      this.#out.write(`\r\u001b[K${this.#fitted(done, line)}${hasEnded ? "\n" : ""}`);
    } else if (hasEnded || ms - this.#printedAt >= lineEveryMs) {
      this.#printedAt = ms;
      this.#out.write(`  ${this.#title}${line}\n`);
    }
  }

  /** In one line of the terminal: one that wraps would be redrawn below itself. The bar goes first. */
  #fitted(done: number, line: string): string {
    const columns = (this.#out.columns || 80) - 1;
    const plain = `  ${this.#title}${line}`;
    const width = Math.min(barWidth, columns - plain.length - gap.length);
    if (width < leastBarWidth) return plain.slice(0, columns);
    return `  ${this.#title}${bar(done, width)}${gap}${line}`;
  }
}

/** A bar that is full at 1. */
function bar(done: number, width: number): string {
  const full = Math.round(done * width);
  return "█".repeat(full) + dim("░".repeat(width - full));
}
