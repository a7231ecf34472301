import type { WorkerNo } from "../ids.js";
import type { Resource, WorkerSpec } from "../spec.js";
import type { State } from "../state/state.js";
import type { Worker } from "../state/workers.js";

/**
 * Whether a worker is there. Disconnected: it has no session, and its absence has not lasted a
 * whole term. Left: it drained, holds nothing any more, and went.
 */
export type WorkerConnection = "connected" | "disconnected" | "lost" | "left";

/** How a worker's leases stand on the ledger. */
export interface LeaseStandings {
  /** Within its resources, not started. */
  readonly fit: number;
  /** Beyond them, waiting at the worker. */
  readonly ahead: number;
  readonly running: number;
  readonly stopping: number;
}

export interface WorkerView {
  readonly no: WorkerNo;
  readonly spec: WorkerSpec;
  readonly capacity: readonly Resource[];
  readonly used: readonly Resource[];
  readonly connection: WorkerConnection;
  /** Tasks that succeeded and attempts that failed on it since it registered. */
  readonly succeeded: number;
  readonly failed: number;
  readonly draining: boolean;
  readonly leases: number;
  readonly standings: LeaseStandings;
  readonly creditTasks: number;
  /** Its session; 0: none. */
  readonly session: number;
  /** How long ago it was last heard; undefined: not since the process started. */
  readonly silentMs: number | undefined;
}

/** Which workers are asked for. */
export interface WorkerFilter {
  /** Empty: all. */
  readonly namespace: string;
  /** Empty: all. */
  readonly connections: readonly WorkerConnection[];
  /** Empty: all. */
  readonly admissions: readonly ("open" | "draining" | "excluded")[];
}

/**
 * Workers by their id, those that come after one.
 *
 * @param after only workers whose id is greater; empty: from the first
 * @param now journal time, for how long they have been silent
 */
export function listWorkers(
  state: State,
  filter: WorkerFilter,
  after: string,
  limit: number,
  now: number,
): { readonly workers: readonly WorkerView[]; readonly isLast: boolean } {
  const found = state.workers.filter(
    (worker) => worker.spec.workerId > after && isWanted(worker, filter),
  );
  found.sort((a, b) => (a.spec.workerId < b.spec.workerId ? -1 : 1));
  const page = found.slice(0, limit);
  return {
    workers: page.map((worker) => workerView(state, worker, now)),
    isLast: page.length === found.length,
  };
}

/** @returns undefined when no worker of that id ever registered */
export function findWorker(state: State, workerId: string, now = 0): WorkerView | undefined {
  const no = state.workerById.get(workerId);
  return no === undefined ? undefined : workerView(state, state.worker(no), now);
}

/** What a worker is called, and where it runs. */
export function workerPlace(
  state: State,
  no: WorkerNo,
): { readonly workerId: string; readonly host: string } {
  const { workerId, host } = state.worker(no).spec;
  return { workerId, host };
}

function isWanted(worker: Worker, filter: WorkerFilter): boolean {
  const { namespace, connections, admissions } = filter;
  return (
    (namespace === "" || worker.spec.namespaces.includes(namespace)) &&
    (connections.length === 0 || connections.includes(connectionOf(worker))) &&
    (admissions.length === 0 || admissions.includes(worker.draining ? "draining" : "open"))
  );
}

/** Whether it is there. */
export function connectionOf({ session, lost, draining, leases }: Worker): WorkerConnection {
  if (session !== 0) return "connected";
  if (lost) return "lost";
  // Nothing is missed with it, so nobody waits for a term to end.
  return draining && leases.size === 0 ? "left" : "disconnected";
}

function workerView(state: State, worker: Worker, now: number): WorkerView {
  const { resources } = state.placement;
  return {
    no: worker.no,
    spec: worker.spec,
    capacity: worker.capacity,
    used: worker.used.flatMap((milli, kind) =>
      milli === 0 ? [] : [{ name: resources.name(kind), milli }],
    ),
    connection: connectionOf(worker),
    succeeded: worker.succeeded,
    failed: worker.failed,
    draining: worker.draining,
    leases: worker.leases.size,
    standings: standingsOf(state, worker),
    creditTasks: worker.creditTasks,
    session: worker.session,
    silentMs: worker.heardAt < 0 ? undefined : Math.max(0, now - worker.heardAt),
  };
}

function standingsOf(state: State, worker: Worker): LeaseStandings {
  const counts = { fit: 0, ahead: 0, running: 0, stopping: 0 };
  for (const no of worker.leases) {
    const lease = state.leases.get(no);
    if (lease === undefined) continue;
    if (lease.stopping) counts.stopping += 1;
    else if (lease.startedAt >= 0) counts.running += 1;
    else if (lease.ahead) counts.ahead += 1;
    else counts.fit += 1;
  }
  return counts;
}
