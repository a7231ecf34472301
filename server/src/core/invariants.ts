import type { StageNo } from "./ids.js";
import { assert } from "./errors.js";
import { charge } from "./placement/resources.js";
import { isFinished } from "./state/jobs.js";
import type { TaskCounts } from "./state/stages.js";
import { isLosing } from "./state/losing.js";
import type { State } from "./state/state.js";
import { isTerminal, TaskState } from "./state/tasks.js";
import type { Worker } from "./state/workers.js";

/**
 * What must hold after every event. For tests and the simulator: each look costs the whole
 * state. Numbers in comments are those of the list that the simulator's auditor goes by.
 */
export function checkInvariants(state: State): void {
  checkTasks(state);
  checkLeases(state);
  checkLedgers(state);
  checkJobs(state);
  checkTotals(state);
  checkNames(state);
  checkRetired(state);
  checkLines(state);
  checkLosing(state);
}

/** Conservation (I25): every task is in one state, and its stage and bag count it there. */
function checkTasks(state: State): void {
  const names = ["blocked", "waiting", "scheduled", "leased", "succeeded", "failed", "cancelled"];
  const counted = new Map<number, number[]>();
  const pending = new Map<number, number>();
  for (let task = 0; task < state.tasks.count; task++) {
    if (!state.tasks.has(task)) continue;
    const taskState = state.tasks.state.get(task);
    const stage = state.tasks.stage.get(task);
    let row = counted.get(stage);
    if (row === undefined) counted.set(stage, (row = names.map(() => 0)));
    row[taskState] = (row[taskState] ?? 0) + 1;
    if (taskState === TaskState.waiting) {
      const bag = state.tasks.bag.get(task);
      pending.set(bag, (pending.get(bag) ?? 0) + 1);
    }
    const lease = state.tasks.lease.get(task);
    assert(
      (taskState === TaskState.leased) === (lease !== 0),
      () => `task ${task} in state ${taskState} has lease ${lease}`,
    );
    assert(
      !isTerminal(taskState) || state.tasks.lease.get(task) === 0,
      () => `finished task ${task} is leased`,
    );
  }
  for (const stage of state.stages) {
    // What has left is counted as it was at its end.
    if (!state.jobs.has(stage.job)) continue;
    const row = counted.get(stage.no) ?? names.map(() => 0);
    const { counts } = stage;
    for (const [i, name] of names.entries()) {
      const has = counts[name as keyof TaskCounts];
      assert(has === row[i], () => `stage ${stage.no} counts ${has} ${name}, there are ${row[i]}`);
    }
    const sum = row.reduce((a, b) => a + b, 0);
    assert(sum === stage.taskCount, () => `stage ${stage.no} has ${stage.taskCount}, not ${sum}`);
  }
  for (const bag of state.placement.bags) {
    const has = pending.get(bag.no) ?? 0;
    assert(bag.pending === has, () => `bag ${bag.no} counts ${bag.pending} pending, not ${has}`);
  }
}

/** One live lease a task (I5); a lease points at its task and worker, and they at it. */
function checkLeases(state: State): void {
  const running = new Map<StageNo, number>();
  for (const lease of state.leases.values()) {
    assert(lease.no < state.nextLease, () => `lease ${lease.no} is beyond the next`);
    assert(
      state.worker(lease.worker).leases.has(lease.no),
      () => `lease ${lease.no} is unknown to its worker`,
    );
    if (lease.stopping) {
      assert(!lease.ahead, () => `stopping lease ${lease.no} is ahead`);
      assert(
        state.tasks.lease.get(lease.task) !== lease.no,
        () => `stopping lease ${lease.no} is its task's live one`,
      );
      continue;
    }
    assert(
      state.tasks.lease.get(lease.task) === lease.no,
      () => `lease ${lease.no} lives, and task ${lease.task} does not know`,
    );
    assert(
      state.tasks.delivery.get(lease.task) === lease.delivery,
      () => `lease ${lease.no} lives in an old delivery`,
    );
    if (lease.startedAt < 0) continue;
    const stage = state.tasks.stage.get(lease.task);
    running.set(stage, (running.get(stage) ?? 0) + 1);
  }
  for (const { no, running: counted } of state.stages) {
    const found = running.get(no) ?? 0;
    assert(counted === found, () => `stage ${no} counts ${counted} running of ${found}`);
  }
}

/** The ledger is the sum of fit and stopping leases (I13). That it fits is asked at each grant. */
function checkLedgers(state: State): void {
  for (const worker of state.workers) {
    const used: number[] = [];
    let bytes = 0;
    let ahead = 0;
    for (const no of worker.leases) {
      const lease = state.leases.get(no);
      assert(lease !== undefined, () => `worker ${worker.no} holds lease ${no}, which is gone`);
      bytes += lease.bytes;
      if (lease.ahead) ahead += 1;
      else charge(used, lease.demand, 1);
    }
    for (let kind = 0; kind < Math.max(used.length, worker.used.length); kind++) {
      const has = worker.used[kind] ?? 0;
      const is = used[kind] ?? 0;
      assert(
        has === is,
        () => `worker ${worker.no}: ledger has ${has} of ${kind}, leases take ${is}`,
      );
    }
    assert(worker.leasedBytes === bytes, () => `worker ${worker.no}: bytes differ`);
    assert(worker.ahead.length === ahead, () => `worker ${worker.no}: leases ahead differ`);
    checkAhead(state, worker);
    assert(!worker.lost || worker.leases.size === 0, () => `lost worker ${worker.no} holds leases`);
  }
}

/** What is ahead is the worker's own, oldest first: it moves up in this order. */
function checkAhead(state: State, worker: Worker): void {
  let last = 0;
  for (const no of worker.ahead) {
    const isAhead = worker.leases.has(no) && state.leases.get(no)?.ahead === true;
    assert(isAhead, () => `worker ${worker.no}: lease ${no} is not ahead there`);
    assert(last < no, () => `worker ${worker.no}: lease ${no} is ahead behind a younger one`);
    last = no;
  }
}

/** Whoever comes with a job's id, or with its key, finds it and no other. */
function checkNames(state: State): void {
  for (const { no, id, spec, idempotencyKey: key } of state.jobs) {
    assert(state.jobById.find(id) === no, () => `job ${id} is not found by its id`);
    if (key === "") continue;
    const found = state.jobOfKey(spec.namespace, key);
    assert(found === no, () => `job ${id} is not found by its key: ${found} is`);
  }
}

/** Nothing is left of jobs that have left but their keys, and those find them. */
function checkRetired(state: State): void {
  for (let no = 0; no < state.jobs.count; no++) {
    if (state.jobs.has(no) || !state.jobs.isKept(no)) continue;
    const { id, spec, idempotencyKey: key } = state.job(no);
    assert(state.jobById.find(id) === undefined, () => `job ${id} has left and is found`);
    if (key === "") continue;
    const found = state.jobOfKey(spec.namespace, key);
    assert(found === no, () => `job ${id} has left, and its key finds ${found}`);
  }
  for (const task of [...state.extras.keys(), ...state.outputPartitions.keys()]) {
    assert(state.tasks.has(task), () => `task ${task} has left and something of it is kept`);
  }
}

/** A finished job has nothing left (I2, I4); live leases are counted. */
function checkJobs(state: State): void {
  const live = new Map<number, number>();
  const held = new Map<number, number>();
  for (const lease of state.leases.values()) {
    assert(state.jobs.has(lease.job), () => `lease ${lease.no} is of job ${lease.job}, which left`);
    held.set(lease.job, (held.get(lease.job) ?? 0) + 1);
    if (!lease.stopping) live.set(lease.job, (live.get(lease.job) ?? 0) + 1);
  }
  for (const job of state.jobs) {
    const has = live.get(job.no) ?? 0;
    assert(
      job.liveLeases === has,
      () => `job ${job.id} counts ${job.liveLeases} leases, not ${has}`,
    );
    const holds = held.get(job.no) ?? 0;
    assert(
      job.heldLeases === holds,
      () => `job ${job.id} counts ${job.heldLeases} leases in hands, not ${holds}`,
    );
    if (!isFinished(job.state)) continue;
    assert(job.sweep === undefined, () => `finished job ${job.id} is swept`);
    for (let i = 0; i < job.stageCount; i++) {
      const { counts } = state.stage(job.firstStage + i);
      const open = counts.blocked + counts.waiting + counts.scheduled + counts.leased;
      assert(open === 0, () => `finished job ${job.id} has ${open} open tasks`);
    }
  }
}

/** What is summed up as things change is what a walk over all jobs finds. */
function checkTotals(state: State): void {
  const { jobs, stages } = state;
  const counts = new Map<string, number>();
  const add = (what: string, by: number) => counts.set(what, (counts.get(what) ?? 0) + by);
  for (const job of jobs) {
    if (isFinished(job.state)) continue;
    add("jobs", 1);
    for (let i = 0; i < job.stageCount; i++) {
      const stage = state.stage(job.firstStage + i);
      const { counts: ofStage } = stage;
      for (const name in ofStage) add(name, ofStage[name as keyof TaskCounts]);
      if (!stage.opened) add("shut", ofStage.waiting);
      add("running", stage.running);
      add("retries", stage.retries);
    }
  }
  const { totals } = stages;
  const { shut, running, retries } = totals;
  const summed = { jobs: jobs.active, shut, running, retries };
  const states = Object.entries(TaskState).map(([name, code]) => [name, totals.countIn(code)]);
  for (const [what, sum] of [...Object.entries(summed), ...states] as [string, number][]) {
    const found = counts.get(what) ?? 0;
    assert(sum === found, () => `the total of ${what} is ${sum}, a walk finds ${found}`);
  }
}

/** Nothing that could be placed is out of line. */
function checkLines(state: State): void {
  for (const bag of state.placement.bags) {
    const job = state.job(state.stage(bag.stage).job);
    assert(
      state.jobs.has(job.no) || state.toLeave.has(job.no),
      () => `bag ${bag.no} is of job ${job.id}, which left`,
    );
    const mayOpen =
      state.stage(bag.stage).opened && job.state !== "failing" && job.state !== "cancelling";
    assert(!bag.open || mayOpen, () => `bag ${bag.no} is open while its job is ${job.state}`);
    const mustOpen = state.stage(bag.stage).opened && job.state === "running";
    assert(bag.open || !mustOpen, () => `bag ${bag.no} is closed while its job runs`);
    if (!bag.open || bag.pending === 0) continue;
    assert(
      bag.inLine && bag.shape.active,
      () => `bag ${bag.no} has pending tasks and is out of line`,
    );
  }
}

/** Who is said to lose one worker after the other does, and of who does none is missed. */
function checkLosing(state: State): void {
  const kept = new Set([...state.losing.values()].flatMap((tasks) => [...tasks]));
  for (let task = 0; task < state.tasks.count; task++) {
    if (!state.tasks.has(task)) continue;
    const stage = state.tasks.stage.get(task);
    const isKept = state.losing.get(stage)?.has(task) === true;
    assert(isKept === isLosing(state, task), () => `task ${task} is kept as losing: ${isKept}`);
    kept.delete(task);
  }
  assert(kept.size === 0, () => `tasks that have left are kept as losing: ${[...kept].join(", ")}`);
}
