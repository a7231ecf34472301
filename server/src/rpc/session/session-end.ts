import type { WorkerView } from "../../core/index.js";
import { CallRefusedError } from "../errors.js";
import type { Log } from "../log.js";

/** A session that is over. */
export interface EndedSession {
  readonly session: string;
  readonly workerId: string;
  /** Undefined: the stream has ended, or is gone. */
  readonly endedBy: unknown;
}

/** What is said of any session that is over. */
export function factsOfEnd({ session, workerId, endedBy }: EndedSession) {
  const why = endedBy instanceof Error ? endedBy.message : "the stream is gone";
  return { session, workerId, why };
}

/** Tells what the end of a session means for its worker. @param worker as it is after that */
export function tellEnd(
  log: Log,
  ended: EndedSession,
  worker: WorkerView | undefined,
  leaseTermMs: number,
): void {
  const facts = factsOfEnd(ended);
  const { endedBy } = ended;
  const reason = endedBy instanceof CallRefusedError ? endedBy.reason : "";
  const isStopping = reason === "STOPPING";
  const { leases = 0, connection } = worker ?? {};
  if (connection === "left" && !isStopping) {
    log.info(facts, "a worker has left");
  } else if (connection === "disconnected" && !isStopping) {
    const fields = { ...facts, leases, lostInMs: leaseTermMs };
    log.info(fields, "a worker's session ended: it is lost unless it comes back in time");
  } else if (reason === "SUPERSEDED") {
    log.info(facts, "a worker's session ended: another process has taken its id");
  } else {
    // It has a newer one, or the master itself goes.
    log.debug(facts, "a worker's session ended");
  }
}
