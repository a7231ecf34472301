import type { RunOperation } from "../../../src/journal/file/writer.js";
import type { Auditor } from "../auditor/auditor.js";
import type { Scheduler } from "../scheduler.js";

/** What an append says of itself, whatever else an operation of the writer may come to. */
interface Appended {
  readonly kind: "durable" | "not_written";
  readonly index: number;
  readonly body: Uint8Array;
}

/** Tells the auditor of each entry at the moment at which the disk has it, and of how long the journal stood. */
export class JournalWatch {
  #since: number | undefined;

  constructor(
    private readonly scheduler: Scheduler,
    private readonly auditor: Auditor,
  ) {}

  /** Is there an operation whose end nobody has heard of? */
  get isUnderWay(): boolean {
    return this.#since !== undefined;
  }

  carriedOut(result: unknown): void {
    if (!isAppended(result)) return;
    const { kind, index, body } = result;
    if (kind === "durable") this.auditor.durable(index, body);
  }

  /** An operation with the time that it takes: an append that finds no room goes on until it does. */
  timed(run: RunOperation): RunOperation {
    return async (operation) => {
      const since = (this.#since ??= this.scheduler.now);
      const result = await run(operation);
      if (isAppended(result) && result.kind === "not_written") {
        this.auditor.gate("the disk was full and had room again");
        return result;
      }
      this.#since = undefined;
      const { now } = this.scheduler;
      this.auditor.terms.stall(since, now);
      if (now - since > this.auditor.terms.leaseTermMs) {
        this.auditor.gate("the journal stood still for longer than a lease");
      }
      return result;
    };
  }
}

function isAppended(result: unknown): result is Appended {
  return typeof result === "object" && result !== null && "kind" in result && "body" in result;
}
