import assert from "node:assert/strict";
import { decodeEntry } from "../../../src/journal/entry/index.js";
import { openFileJournal } from "../../../src/journal/file/file-journal.js";
import type { WorkerProcess } from "./processes.js";

/** What the journal says happened, read by itself and not through the master. */
export interface JournalStory {
  /** Job ids in the order of their numbers. */
  readonly jobs: readonly string[];
  /** By `job/stage/index`: the deliveries that succeeded. One each, if all is well. */
  readonly successes: ReadonlyMap<string, readonly number[]>;
  readonly taskCount: number;
}

export async function readStory(directory: string): Promise<JournalStory> {
  const journal = await openFileJournal({ directory });
  const jobs: string[] = [];
  const stageNames: { job: number; name: string }[] = [];
  const taskIds: string[] = [];
  const successes = new Map<string, number[]>();
  for await (const { body } of journal.read(journal.firstIndex)) {
    if (body.byteLength === 0) continue;
    for (const event of decodeEntry(body).events) {
      if (event.type === "job_submitted") {
        jobs[event.job] = event.id;
        const firstStage = stageNames.length;
        for (const { name } of event.spec.stages) stageNames.push({ job: event.job, name });
        let task = event.firstTask;
        for (const { stage, tasks } of event.tasks) {
          const { name } = stageNames[firstStage + stage] ?? { name: "" };
          for (const index of tasks.keys()) taskIds[task++] = `${event.id}/${name}/${index}`;
        }
      } else if (event.type === "tasks_added") {
        const stage = stageNames[event.stage];
        for (let i = 0; i < event.tasks.length; i++) {
          const index = event.firstIndex + i;
          taskIds[event.firstTask + i] = `${jobs[event.job]}/${stage?.name}/${index}`;
        }
      } else if (event.type === "task_succeeded") {
        const taskId = taskIds[event.task] ?? "";
        successes.set(taskId, [...(successes.get(taskId) ?? []), event.delivery]);
      }
    }
  }
  await journal.close();
  return { jobs, successes, taskCount: taskIds.length };
}

/**
 * Nothing that was acknowledged is lost: every job that a submit was answered for is in the
 * journal, every task of it succeeded there exactly once, and every result that a worker was told
 * had succeeded is the very delivery that the journal has.
 */
export function checkStory(
  story: JournalStory,
  acknowledged: readonly string[],
  workers: readonly WorkerProcess[],
  tasksPerJob: number,
): void {
  for (const jobId of acknowledged) {
    assert(story.jobs.includes(jobId), `acknowledged job ${jobId} is not in the journal`);
    for (let index = 0; index < tasksPerJob; index++) {
      const deliveries = story.successes.get(`${jobId}/main/${index}`) ?? [];
      assert.equal(
        deliveries.length,
        1,
        `task ${jobId}/main/${index} succeeded ${deliveries.length}x`,
      );
    }
  }
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
