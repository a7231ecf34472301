import assert from "node:assert/strict";
import type { CoreEvent, LeaseNo } from "../../../src/core/index.js";
import { decodeEntry } from "../../../src/journal/entry/index.js";
import { openFileJournal } from "../../../src/journal/file/file-journal.js";
import type { WorkerProcess } from "./processes.js";

/** A delivery that was taken from its worker. */
export interface Requeue {
  readonly workerId: string;
  readonly reason: string;
  readonly wall: number;
}

/** What the journal says happened, read by itself and not through the master. */
export class JournalStory {
  /** Job ids in the order of their numbers. */
  readonly jobs: string[] = [];
  /** By `job/stage/index`: the deliveries that succeeded. One each, if all is well. */
  readonly successes = new Map<string, number[]>();
  /** Leases that lived at each moment at which a master took the journal over. */
  readonly heldAtClaims: number[] = [];
  readonly requeues: Requeue[] = [];
  readonly #stageNames: { job: number; name: string }[] = [];
  readonly #taskIds: string[] = [];
  readonly #workerIds: string[] = [];
  readonly #live = new Set<LeaseNo>();

  static async read(directory: string): Promise<JournalStory> {
    const journal = await openFileJournal({ directory });
    const story = new JournalStory();
    for await (const { body } of journal.read(journal.firstIndex)) {
      if (body.byteLength === 0) {
        story.heldAtClaims.push(story.#live.size);
        continue;
      }
      const { events, stamp } = decodeEntry(body);
      for (const event of events) story.#take(event, stamp.wall);
    }
    await journal.close();
    return story;
  }

  #take(event: CoreEvent, wall: number): void {
    switch (event.type) {
      case "job_submitted": {
        this.jobs[event.job] = event.id;
        const firstStage = this.#stageNames.length;
        for (const { name } of event.spec.stages) this.#stageNames.push({ job: event.job, name });
        let task = event.firstTask;
        for (const { stage, tasks } of event.tasks) {
          const { name } = this.#stageNames[firstStage + stage] ?? { name: "" };
          for (const index of tasks.keys()) this.#taskIds[task++] = `${event.id}/${name}/${index}`;
        }
        return;
      }
      case "tasks_added": {
        const stage = this.#stageNames[event.stage];
        for (let i = 0; i < event.tasks.length; i++) {
          const index = event.firstIndex + i;
          const taskId = `${this.jobs[event.job]}/${stage?.name}/${index}`;
          this.#taskIds[event.firstTask + i] = taskId;
        }
        return;
      }
      case "worker_registered":
        this.#workerIds[event.worker] = event.spec.workerId;
        return;
      case "lease_granted":
        this.#live.add(event.lease);
        return;
      case "task_succeeded": {
        const taskId = this.#taskIds[event.task] ?? "";
        this.successes.set(taskId, [...(this.successes.get(taskId) ?? []), event.delivery]);
        this.#live.delete(event.lease);
        return;
      }
      case "delivery_requeued": {
        const workerId = this.#workerIds[event.worker] ?? "";
        this.requeues.push({ workerId, reason: event.reason, wall });
        this.#live.delete(event.lease);
        return;
      }
      case "attempt_failed":
      case "task_failed":
      case "delivery_cancelled":
        this.#live.delete(event.lease);
        return;
      default:
        return;
    }
  }
}

/**
 * Nothing that was acknowledged is lost: every job that a submit was answered for is in the
 * journal, and none besides; every task of it succeeded there exactly once; and every result that a
 * worker was told had succeeded is the very delivery that the journal has.
 *
 * @param acknowledged by job id, how many tasks it has
 */
export function checkStory(
  story: JournalStory,
  acknowledged: ReadonlyMap<string, number>,
  workers: readonly WorkerProcess[],
): void {
  const known = new Set(story.jobs);
  for (const [jobId, tasks] of acknowledged) {
    assert(known.has(jobId), `acknowledged job ${jobId} is not in the journal`);
    for (let index = 0; index < tasks; index++) {
      const taskId = `${jobId}/main/${index}`;
      const deliveries = story.successes.get(taskId) ?? [];
      assert.equal(deliveries.length, 1, `task ${taskId} succeeded ${deliveries.length}x`);
    }
  }
  assert.equal(known.size, acknowledged.size, "a submit that was tried again made another job");
  let settled = 0;
  for (const worker of workers) {
    for (const { event, taskId = "", delivery, outcome } of worker.lines()) {
      if (event !== "settled" || outcome !== "succeeded") continue;
      settled += 1;
      assert.deepEqual(story.successes.get(taskId), [delivery], `settled result of ${taskId}`);
    }
  }
  assert(settled > 0, "no worker was told of a success: the test proves nothing");
}
