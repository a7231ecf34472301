/** Why the signal of a handler was aborted: `context.signal.reason` is one of these. */
export abstract class TaskAborted extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** Somebody cancelled the job or the task, or another copy of the attempt was faster. */
export class CancelRequested extends TaskAborted {
  /** What was cancelled. */
  readonly what: "job" | "task" | "copy_won" | "unknown";
  /** Why, as whoever cancelled gave it; empty when nothing was said. */
  readonly note: string;

  constructor(what: CancelRequested["what"], note = "") {
    super(note === "" ? `cancelled: ${what}` : `cancelled: ${what}: ${note}`);
    this.what = what;
    this.note = note;
  }
}

/** The lease does not hold any more: somebody else may have the task, and what this one reports is dropped. */
export class LeaseLost extends TaskAborted {
  constructor(message = "the lease was lost") {
    super(message);
  }
}

/** The deadline of the task or of its job passed. */
export class DeadlineExceeded extends TaskAborted {
  constructor(message = "the deadline passed") {
    super(message);
  }
}

/** The attempt ran for longer than it may. */
export class TimedOut extends TaskAborted {
  constructor(message = "the attempt ran out of time") {
    super(message);
  }
}

/** The worker is going, and its patience is over: the task goes on elsewhere, uncharged. */
export class Draining extends TaskAborted {
  constructor(message = "the worker is going") {
    super(message);
  }
}
