import type { Annotation, Command, State } from "../core/index.js";
import type { Moment, Result, Submission, SubmissionSource } from "./engine-port.js";

/** Something for the single writer to do, in the order in which it came. */
export type Work =
  | {
      readonly kind: "commands";
      readonly source: SubmissionSource;
      /** Made, and without room yet. */
      waiting: Submission | undefined;
      /** Filled in as far as decided. */
      readonly results: Result<unknown>[];
      readonly resolve: (results: readonly Result<unknown>[]) => void;
      readonly reject: (error: unknown) => void;
    }
  | { readonly kind: "note"; readonly annotation: Annotation }
  | {
      readonly kind: "read";
      readonly query: (state: State, moment: Moment) => () => void;
      readonly reject: (error: unknown) => void;
    };

export type WorkOf<K extends Work["kind"]> = Extract<Work, { readonly kind: K }>;

/** Submissions that are there already. */
export class Prepared implements SubmissionSource {
  readonly #submissions: readonly Submission[];
  #at = 0;

  constructor(submissions: readonly Submission[]) {
    this.#submissions = submissions;
  }

  next(): Submission | undefined {
    return this.#submissions[this.#at++];
  }
}

/** A first-in, first-out queue that does not move its items. */
export class WorkQueue {
  #items: (Work | undefined)[] = [];
  #at = 0;
  /** How many items there have been, and how many of them are done. */
  pushed = 0;
  done = 0;

  push(work: Work): void {
    this.pushed += 1;
    this.#items.push(work);
  }

  get first(): Work | undefined {
    return this.#items[this.#at];
  }

  shift(): void {
    // What is done must not be kept alive: 1,000 submits with their payloads are hundreds of MiB.
    this.#items[this.#at] = undefined;
    this.#at += 1;
    this.done += 1;
    if (this.#at < 1_024 || this.#at * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#at);
    this.#at = 0;
  }

  /** Takes out all that is left. */
  drain(): Work[] {
    const left = this.#items.slice(this.#at) as Work[];
    this.done = this.pushed;
    this.#items = [];
    this.#at = 0;
    return left;
  }
}

/** Commands of clients that bring new work: refused while the disk is full. */
export function bringsWork(command: Command): boolean {
  switch (command.kind) {
    case "submit_job":
    case "append_tasks":
    case "seal_job":
    case "cancel_job":
      return true;
    default:
      return false;
  }
}
