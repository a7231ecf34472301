import assert from "node:assert/strict";
import type { CommandKind } from "../../src/core/index.js";
import { digest } from "../../src/core/index.js";
import { Machine, replayed } from "./support/machine.js";
import { Prng } from "./support/prng.js";
import { Workload } from "./support/workload.js";

const seedCount = Number(
  process.env["CAPSTAN_SEEDS"] ?? (process.env["CAPSTAN_VERIFY"] === "1" ? 2_000 : 200),
);
const stepCount = Number(process.env["CAPSTAN_STEPS"] ?? 10_000);
const firstSeed = Number(process.env["CAPSTAN_SEED"] ?? 1);
const group = 20;

/**
 * Over all seeds, each of these was accepted and changed something at least so often a seed. Tasks retired one
 * step at a time are left out: they are of jobs larger than a random one ever is.
 */
const leastPerSeed: Readonly<Record<Exclude<CommandKind, "retire_tasks">, number>> = {
  submit_job: 20,
  append_tasks: 20,
  seal_job: 5,
  cancel_job: 5,
  register_worker: 100,
  update_worker: 10,
  drain_worker: 10,
  complete_lease: 50,
  fail_lease: 20,
  return_lease: 20,
  save_checkpoint: 10,
  reconcile_held: 5,
  place: 300,
  expire_lease: 5,
  recall_lease: 2,
  time_out_attempt: 0.2,
  lose_worker: 20,
  release_tasks: 20,
  lapse_upload: 0.2,
  advance_job: 50,
  sweep_job: 10,
  retire_jobs: 5,
  forget_keys: 0.5,
};

/** Of what else happened, the same. */
const leastSeenPerSeed: Readonly<Record<string, number>> = {
  turns: 500,
  ahead: 20,
  // Capacity grew at a worker that had something ahead, and it moved up at once.
  promotions: 0.5,
  restarts: 1,
  restartsWithLeases: 0.5,
  stalls: 20,
  expiries: 5,
  losses: 20,
  // Ready tasks that stayed, and the workers beside them: why each could not have them.
  unavailable: 500,
  infeasible: 100,
  full: 20,
  bytes: 5,
};

// A failing seed repeats with:
//   CAPSTAN_SEED=<seed> CAPSTAN_SEEDS=1 npm test -w server -- --grep "random commands"
describe("the core under random commands", () => {
  const accepted = new Map<CommandKind, number>();
  const seen = new Map<string, number>();

  for (let from = firstSeed; from < firstSeed + seedCount; from += group) {
    const to = Math.min(from + group, firstSeed + seedCount);
    it(`holds every invariant after every event, leaves nobody idle, and replays to the same state, seeds ${from} to ${to - 1}`, () => {
      for (let seed = from; seed < to; seed++) {
        try {
          runSeed(seed, accepted, seen);
        } catch (error) {
          throw new Error(`CAPSTAN_SEED=${seed}`, { cause: error });
        }
      }
    }).timeout(600_000);
  }

  after(() => {
    if (process.env["CAPSTAN_SHOW"] === undefined) return;
    console.log(Object.fromEntries([...accepted].sort()), Object.fromEntries(seen));
  });

  it("had every kind of command accepted, often enough to prove something", () => {
    for (const [kind, least] of Object.entries(leastPerSeed)) {
      assertOften(kind, accepted.get(kind as CommandKind), least);
    }
  });

  it("restarted, stalled, let terms run out and saw tasks wait, often enough to prove something", () => {
    for (const [what, least] of Object.entries(leastSeenPerSeed)) {
      assertOften(what, seen.get(what), least);
    }
  });
});

function assertOften(what: string, count: number | undefined, least: number): void {
  const wanted = Math.max(1, Math.floor(least * seedCount * (stepCount / 10_000)));
  assert((count ?? 0) >= wanted, `${what}: ${count ?? 0} times, wanted ${wanted}`);
}

function runSeed(
  seed: number,
  accepted: Map<CommandKind, number>,
  seen: Map<string, number>,
): void {
  const random = new Prng(seed);
  const machine = new Machine(random.uint32);
  const workload = new Workload(machine, random);
  for (let step = 0; step < stepCount; step++) workload.step();
  assert(workload.heal(), `jobs that never ended: ${unfinished(machine)}`);
  assert.equal(
    JSON.stringify(digest(replayed(machine.journal))),
    JSON.stringify(digest(machine.state)),
  );
  for (const [kind, count] of machine.accepted) {
    accepted.set(kind, (accepted.get(kind) ?? 0) + count);
  }
  const { idleness, ...others } = workload.seen;
  const promotions = machine.journal.filter(({ event }) => event.type === "leases_promoted").length;
  const all = { ...others, ...idleness, ...machine.terms.seen, promotions };
  for (const [what, count] of Object.entries(all)) {
    seen.set(what, (seen.get(what) ?? 0) + count);
  }
}

function unfinished(machine: Machine): string {
  return [...machine.state.jobs]
    .filter((job) => !["succeeded", "failed", "cancelled"].includes(job.state))
    .map((job) => {
      const counts = machine.state.stages
        .slice(job.firstStage, job.stageCount)
        .map((stage) => stage.counts);
      return JSON.stringify({ id: job.id, state: job.state, sweep: job.sweep, counts });
    })
    .join("\n");
}
