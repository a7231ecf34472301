import type {
  WatchJobRequest,
  WatchJobResponse,
} from "@capstan/proto/capstan/v1/master_service.js";
import type { JobView, RunningView } from "../../core/index.js";
import { queries } from "../../core/index.js";
import type { Clock } from "../../engine/clock.js";
import { UnavailableError } from "../../engine/engine-port.js";
import { serverStream } from "../call.js";
import { encodeJob } from "../codec/encode-job.js";
import { taskIdOf } from "../codec/encode-task.js";
import { milliseconds } from "../codec/encode-time.js";
import { decodeWatchJob } from "../codec/reads.js";
import { jobNotFound } from "../errors.js";
import { limits } from "../limits.js";
import type { HandlerDeps } from "./deps.js";
import type { JobWatch } from "./job-watch.js";

export interface WatchDeps extends HandlerDeps {
  readonly clock: Clock;
  readonly watch: JobWatch;
  /** Aborted when the master stops. */
  readonly stopping: AbortSignal;
}

/**
 * Follows a job by its states: the first at once, then each time that it has changed, at most so
 * often as asked, the last always and without delay. A state is made when the reader has taken the
 * one before, so a slow one misses steps and holds up nothing.
 */
export function watchJob({ engine, log, history, clock, watch, stopping }: WatchDeps) {
  return serverStream<WatchJobRequest, WatchJobResponse>(log, async (request, writer) => {
    const { namespace, jobId, minIntervalMs } = decodeWatchJob(request);
    const speed = new Speedometer();
    while (!writer.isOver) {
      if (stopping.aborted) throw new UnavailableError("the master is stopping");
      const found = await engine.read((state, { termNow }) => {
        const view = queries.getJob(state, namespace, jobId);
        if (view === undefined) return undefined;
        return {
          view,
          running: queries.runningTasks(state, view.no, limits.runningTasks, termNow),
        };
      });
      const view = found?.view ?? (await history?.job(namespace, jobId));
      if (view === undefined) throw jobNotFound(jobId);
      const at = clock.monotonicMs();
      await writer.write(encodeProgress(view, found?.running ?? [], speed.measure(view, at)));
      if (view.finishedWall !== undefined) return;
      await watch.changed(
        { namespace, jobId, revision: view.revision },
        at + minIntervalMs,
        writer.end,
      );
    }
  });
}

function encodeProgress(
  view: JobView,
  running: readonly RunningView[],
  tasksPerSecond: number,
): WatchJobResponse {
  return {
    news: {
      $case: "progress",
      value: {
        job: encodeJob(view, "progress"),
        running: running.map((task) => ({
          taskId: taskIdOf({ jobId: view.id, stage: task.stage, index: task.index }),
          workerId: task.workerId,
          progress: task.progress > 0 ? task.progress : undefined,
          progressNote: task.progressNote,
          attempt: task.attempt,
          runningMs: milliseconds(task.runningMs),
        })),
        tasksPerSecond,
      },
    },
  };
}

/** How fast tasks end, over about the last ten seconds of this watch. */
class Speedometer {
  readonly #samples: { readonly at: number; readonly ended: number }[] = [];

  /** @returns tasks a second; 0 while there is too little to tell */
  measure(view: JobView, at: number): number {
    let ended = 0;
    for (const { counts } of view.stages)
      ended += counts.succeeded + counts.failed + counts.cancelled;
    this.#samples.push({ at, ended });
    while (this.#samples.length > 2 && at - (this.#samples[1]?.at ?? at) >= 10_000) {
      this.#samples.shift();
    }
    const first = this.#samples[0];
    if (first === undefined || at - first.at < 100) return 0;
    return ((ended - first.ended) * 1_000) / (at - first.at);
  }
}
