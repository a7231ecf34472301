import type { HeldLease, RegisterWorker } from "../commands.js";
import type { Context, Settings } from "../context.js";
import type { DecisionOn, Notice, RegisterReply } from "../decision.js";
import { accept } from "../decision.js";
import type { CoreEvent, EventOf } from "../events.js";
import type { LeaseNo, WorkerNo } from "../ids.js";
import type { WorkerSpec } from "../spec.js";
import type { Lease } from "../state/leases.js";
import { tokenOf } from "../state/leases.js";
import type { State } from "../state/state.js";
import type { Worker } from "../state/workers.js";
import { endMany, leasesOf } from "./end-many.js";
import type { NewFit } from "./fit-anew.js";
import { fitAnew } from "./fit-anew.js";
import { settledOutcome, standing } from "./shared.js";

/**
 * What adoptions may take of the one journal entry that a registration is. Leases beyond that, which
 * only a worker with thousands of strange ones has, are told to be lost and get no room.
 */
const adoptedBytesMax = 192 * 1_024;

/**
 * A worker opens a session and says what it holds. Leases that both sides know go on; what the
 * worker lost goes back in line; what the master gave up keeps its room until the worker ends it.
 * The newest session of a worker id wins.
 */
export function decideRegisterWorker(
  state: State,
  command: RegisterWorker,
  context: Context,
  settings: Settings,
): DecisionOn<RegisterWorker> {
  const { spec, session } = command;
  const known = state.workerById.get(spec.workerId);
  const worker = known === undefined ? undefined : state.worker(known);
  const no = known ?? state.workers.length;
  const held = sortHeld(state, no, command.held, context, settings);
  const absent = worker === undefined ? noLeases : absentOf(state, worker, command);
  const events: CoreEvent[] = [];
  if (worker !== undefined) events.push(...endAbsent(state, worker, absent, command, context));
  if (worker === undefined || differs(worker, spec)) {
    events.push({ type: "worker_registered", version: 1, worker: no, spec });
  }
  events.push(...held.adopted);
  const notices: Notice[] = recallsOf(state, no, held);
  if (worker !== undefined) {
    const fit = fitAnew(state, worker, newFit(command, absent, held), context);
    events.push(...fit.events);
    notices.push(...fit.notices);
  }
  if (worker !== undefined && worker.session !== 0) {
    notices.push({ kind: "supersede", worker: no, session: worker.session });
  }
  return accept({ worker: no, ...held.reply }, events, {
    notices,
    annotations: [{ kind: "begin_session", worker: no, session, resumed: held.resumed }],
  });
}

/** What the worker has not started of a failing job it was told to give back; it may have missed it. */
function recallsOf(state: State, worker: WorkerNo, held: SortedHeld): Notice[] {
  return held.resumed.flatMap(({ lease: no, started }) => {
    const lease = state.leases.get(no);
    if (started || lease === undefined || state.job(lease.job).state !== "failing") return [];
    return { kind: "recall", worker, token: tokenOf(lease), reason: "job_failing" };
  });
}

const noLeases: readonly Lease[] = [];

/** What the worker should hold and does not name: it has lost it, or is another process. */
function absentOf(state: State, worker: Worker, { held }: RegisterWorker): readonly Lease[] {
  const named = new Set(held.map(({ token }) => token.lease));
  return leasesOf(state, worker).filter(({ no }) => !named.has(no));
}

/** Nobody moves up into their room yet: what the worker has now, and what it adopts, comes first. */
function endAbsent(
  state: State,
  worker: Worker,
  absent: readonly Lease[],
  command: RegisterWorker,
  context: Context,
): CoreEvent[] {
  const isSame = worker.spec.incarnation === command.spec.incarnation;
  const how = isSame
    ? ({ reason: "forgotten", charge: "none" } as const)
    : ({ reason: "worker_lost", charge: "lost" } as const);
  return endMany(state, worker, absent, how, context, []);
}

/** The worker's own word on what it has started holds; what it was not sent yet it has not. */
function newFit({ spec }: RegisterWorker, gone: readonly Lease[], held: SortedHeld): NewFit {
  const started = new Set(held.resumed.flatMap(({ lease, started }) => (started ? [lease] : [])));
  return {
    capacity: spec.capacity,
    gone,
    adopted: held.adopted.map(({ demand }) => demand),
    isStarted: ({ no, startedAt }) => startedAt >= 0 || started.has(no),
  };
}

interface SortedHeld {
  readonly reply: Omit<RegisterReply, "worker">;
  readonly resumed: readonly { readonly lease: LeaseNo; readonly started: boolean }[];
  readonly adopted: readonly EventOf<"lease_adopted">[];
}

function sortHeld(
  state: State,
  worker: WorkerNo,
  held: readonly HeldLease[],
  context: Context,
  settings: Settings,
): SortedHeld {
  const resumed: { token: HeldLease["token"]; remainingMs: number }[] = [];
  const resumedLeases: { lease: LeaseNo; started: boolean }[] = [];
  const settled: { token: HeldLease["token"]; outcome: ReturnType<typeof settledOutcome> }[] = [];
  const lost: HeldLease["token"][] = [];
  const adopted: EventOf<"lease_adopted">[] = [];
  // Two tokens may name the same lease; there is room to keep for one.
  const adoptedLeases = new Set<LeaseNo>();
  let room = adoptedBytesMax;
  for (const entry of held) {
    const { token } = entry;
    const found = standing(state, token);
    if (found.kind === "live" && found.lease.worker === worker) {
      resumed.push({ token, remainingMs: settings.leaseTermMs });
      resumedLeases.push({ lease: token.lease, started: entry.state !== "received" });
      continue;
    }
    const outcome = found.kind === "over" ? settledOutcome(state, token, context) : undefined;
    if (outcome !== undefined && outcome.kind !== "stale" && outcome.kind !== "gone") {
      settled.push({ token, outcome });
      continue;
    }
    lost.push(token);
    if (found.kind !== "over" || adoptedLeases.has(token.lease) || !canAdopt(state, entry)) {
      continue;
    }
    room -= adoptionBytes(entry);
    if (room < 0) continue;
    adoptedLeases.add(token.lease);
    adopted.push(adopt(worker, entry));
  }
  return { reply: { resumed, settled, lost }, resumed: resumedLeases, adopted };
}

/** About what the adoption of a lease takes of an entry. */
function adoptionBytes({ demand }: HeldLease): number {
  return demand.reduce((bytes, { name }) => bytes + 16 + name.length, 64);
}

/** A pending result occupies nothing; a lease that was never granted cannot be given room. */
function canAdopt(state: State, { token, state: heldState, demand }: HeldLease): boolean {
  if (heldState === "result_pending" || demand.length === 0) return false;
  if (!state.tasks.has(token.task) || !state.jobs.has(token.job)) return false;
  // A token of the one and the other was never given out.
  if (state.stageOf(token.task).job !== token.job) return false;
  return token.lease > 0 && token.lease < state.nextLease && !state.leases.has(token.lease);
}

function adopt(worker: WorkerNo, { token, demand }: HeldLease): EventOf<"lease_adopted"> {
  return { type: "lease_adopted", version: 1, worker, ...token, demand };
}

function differs(worker: Worker, spec: WorkerSpec): boolean {
  if (worker.lost || worker.draining) return true;
  // It may have said otherwise since it registered; what it says now holds.
  if (JSON.stringify(worker.capacity) !== JSON.stringify(spec.capacity)) return true;
  return JSON.stringify(worker.spec) !== JSON.stringify(spec);
}
