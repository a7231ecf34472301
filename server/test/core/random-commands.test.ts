import assert from "node:assert/strict";
import type { CommandKind } from "../../src/core/index.js";
import { digest } from "../../src/core/index.js";
import { Machine, replayed } from "./support/machine.js";
import { Prng } from "./support/prng.js";
import { Workload } from "./support/workload.js";

const seedCount = Number(process.env["CAPSTAN_SEEDS"] ?? 200);
const stepCount = Number(process.env["CAPSTAN_STEPS"] ?? 10_000);
const firstSeed = Number(process.env["CAPSTAN_SEED"] ?? 1);
const group = 20;

/** Over all seeds, each of these was accepted and changed something at least so often a seed. */
const leastPerSeed: Readonly<Partial<Record<CommandKind, number>>> = {
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
};

// A failing seed repeats with:
//   CAPSTAN_SEED=<seed> CAPSTAN_SEEDS=1 npm test -w server -- --grep "random commands"
describe("the core under random commands", () => {
  const accepted = new Map<CommandKind, number>();

  for (let from = firstSeed; from < firstSeed + seedCount; from += group) {
    const to = Math.min(from + group, firstSeed + seedCount);
    it(`holds every invariant after every event, and replays to the same state, seeds ${from} to ${to - 1}`, () => {
      for (let seed = from; seed < to; seed++) {
        try {
          runSeed(seed, accepted);
        } catch (error) {
          throw new Error(`CAPSTAN_SEED=${seed}`, { cause: error });
        }
      }
    }).timeout(600_000);
  }

  after(() => {
    if (process.env["CAPSTAN_SHOW"] === undefined) return;
    console.log(Object.fromEntries([...accepted].sort()));
  });

  it("had every kind of command accepted, often enough to prove something", () => {
    for (const [kind, least] of Object.entries(leastPerSeed)) {
      const count = accepted.get(kind as CommandKind) ?? 0;
      const wanted = Math.max(1, Math.floor(least * seedCount * (stepCount / 10_000)));
      assert(count >= wanted, `${kind} was accepted ${count} times, wanted ${wanted}`);
    }
  });
});

function runSeed(seed: number, accepted: Map<CommandKind, number>): void {
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
}

function unfinished(machine: Machine): string {
  return machine.state.jobs
    .filter((job) => !["succeeded", "failed", "cancelled"].includes(job.state))
    .map((job) => {
      const counts = machine.state.stages
        .slice(job.firstStage, job.firstStage + job.stageCount)
        .map((stage) => stage.counts);
      return JSON.stringify({ id: job.id, state: job.state, sweep: job.sweep, counts });
    })
    .join("\n");
}
