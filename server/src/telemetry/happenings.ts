import type { CoreEvent, EventType, JobNo, Stamp, State, WorkerNo } from "../core/index.js";
import { queries } from "../core/index.js";

/** Where it is written. */
interface Log {
  info(fields: object, message: string): void;
}

/** Whom names are asked of. */
interface Asked {
  readonly settings: { readonly leaseTermMs: number };
  read<T>(query: (state: State) => T): Promise<T>;
}

/** Leases of a worker that ended since it was not heard, and when the last did. */
interface Silence {
  leases: number;
  at: number;
}

interface GivenUp {
  readonly worker: WorkerNo;
  /** Leases whose tasks went to others, or had no budget left. */
  readonly leases: number;
}

/** What an entry says that is worth a line. */
interface Worthy {
  readonly lost: GivenUp[];
  readonly replaced: GivenUp[];
  readonly draining: WorkerNo[];
  readonly failed: JobNo[];
}

const messageMax = 200;

/**
 * Lines of the log about workers and jobs, from what is durable: a worker that is lost, that comes as another
 * process, that drains; a job that failed. Nothing of a single task. How often is the log's business.
 */
export class Happenings {
  /** All that it wants to see. */
  static readonly wanted: ReadonlySet<EventType> = new Set<EventType>([
    ...(["worker_lost", "worker_registered", "worker_draining"] as const),
    ...(["delivery_requeued", "task_failed", "job_finished"] as const),
  ]);
  readonly #log: Log;
  #asked: Asked | undefined;
  /** A worker's leases expire one by one, shortly before it is lost itself. */
  readonly #silences = new Map<WorkerNo, Silence>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** From now on names can be asked for. */
  begin(asked: Asked): void {
    this.#asked = asked;
  }

  readonly observe = (events: readonly CoreEvent[], { now }: Stamp): void => {
    const worthy: Worthy = { lost: [], replaced: [], draining: [], failed: [] };
    for (const event of events) this.#see(event, now, worthy);
    const { lost, replaced, draining, failed } = worthy;
    if (lost.length + replaced.length + draining.length + failed.length === 0) return;
    this.#asked
      ?.read((state) => {
        this.#tell(state, worthy);
      })
      // It is closing: nobody is lost with it.
      .catch(() => undefined);
  };

  #see(event: CoreEvent, now: number, worthy: Worthy): void {
    switch (event.type) {
      case "delivery_requeued":
        if (event.reason === "worker_lost" || event.reason === "expired") {
          this.#noteEnded(event.worker, now);
        }
        return;
      case "task_failed":
        if (event.charge === "lost") this.#noteEnded(event.worker, now);
        return;
      case "worker_lost":
        worthy.lost.push({ worker: event.worker, leases: this.#takeEnded(event.worker, now) });
        return;
      case "worker_registered": {
        const { worker } = event;
        const leases = this.#takeEnded(worker, now);
        if (leases > 0) worthy.replaced.push({ worker, leases });
        return;
      }
      case "worker_draining":
        worthy.draining.push(event.worker);
        return;
      case "job_finished":
        if (event.state === "failed") worthy.failed.push(event.job);
        return;
      default:
    }
  }

  #noteEnded(worker: WorkerNo, now: number): void {
    const silence = this.#silences.get(worker);
    if (silence === undefined || this.#isOld(silence, now)) {
      this.#silences.set(worker, { leases: 1, at: now });
    } else {
      silence.leases += 1;
      silence.at = now;
    }
  }

  #takeEnded(worker: WorkerNo, now: number): number {
    const silence = this.#silences.get(worker);
    this.#silences.delete(worker);
    return silence === undefined || this.#isOld(silence, now) ? 0 : silence.leases;
  }

  /** One that expired long before was of a handler that stood still, and no sign of the end. */
  #isOld({ at }: Silence, now: number): boolean {
    return now - at > (this.#asked?.settings.leaseTermMs ?? 0);
  }

  #tell(state: State, { lost, replaced, draining, failed }: Worthy): void {
    for (const { worker, leases } of lost) {
      const why = "neither a session nor a heartbeat for a lease term";
      const fields = { ...queries.workerPlace(state, worker), why, leasesGivenBack: leases };
      this.#log.info(fields, "a worker is lost");
    }
    for (const { worker, leases } of replaced) {
      const fields = { ...queries.workerPlace(state, worker), leasesGivenBack: leases };
      this.#log.info(
        fields,
        "a worker is another process now, or was gone for long: what it held went to others",
      );
    }
    for (const worker of draining) {
      const fields = { ...queries.workerPlace(state, worker) };
      this.#log.info(fields, "a worker drains: it finishes what it has and takes nothing new");
    }
    for (const job of failed) this.#log.info(failureOf(state, job), "a job failed");
  }
}

/** One line: which task's failure decided it, and what that was. */
function failureOf(state: State, no: JobNo): object {
  const job = queries.failedJob(state, no);
  if (job === undefined) return {};
  const { failure, ...fields } = job;
  if (failure === undefined) return fields;
  const { kind, type, message } = failure.facts;
  const line = message.split("\n", 1)[0] ?? "";
  const short = line.length > messageMax ? `${line.slice(0, messageMax)}…` : line;
  return { ...fields, kind, type, message: short, worker: failure.workerId };
}
