import type { Warning } from "@capstan/sdk";
import type { Side } from "../session.js";

/** Tells what stands in the way of a job, each trouble once, however often it is met and in what words. */
export class Troubles {
  readonly #told = new Set<string>();

  /** Those that are new. */
  fresh(warnings: readonly Warning[]): readonly Warning[] {
    return warnings.filter((warning) => {
      const key = keyOf(warning);
      if (this.#told.has(key)) return false;
      this.#told.add(key);
      return true;
    });
  }
}

/** Who is lost, and since when, changes from one look to the next; what no worker has does not. */
function keyOf({ kind, taskType, message }: Warning): string {
  return kind === "no_worker_of_type" ? `${kind} ${taskType}` : message;
}

/** A warning as it stands on stderr. */
export function warningLine({ message }: Warning, { palette }: Side): string {
  return palette.warn(`warning: ${message}`);
}
