import type { Job } from "@capstan/sdk";
import type { Interrupts } from "./interrupts.js";
import type { ProgressView } from "./output/progress.js";
import { isOver } from "./output/states.js";
import type { Session } from "./session.js";

/**
 * Shows a job until it ends, also over restarts of the master.
 * @throws Interrupted when somebody ends the command: the job goes on
 */
export async function follow(
  session: Session,
  jobId: string,
  view: ProgressView,
  interrupts: Interrupts,
): Promise<Job> {
  const signal = AbortSignal.any([session.timeUp, interrupts.signal]);
  let newest: Job | undefined;
  session.hearConnection(({ state, address }) => {
    const isBack = state === "reached";
    view.note(isBack ? `reached ${address} again` : `cannot reach ${address}, trying again`);
  });
  try {
    for await (const progress of session.client.watch(jobId, { signal })) {
      view.show(progress);
      newest = progress.job;
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    view.stop();
  }
  return newest !== undefined && isOver(newest.state) ? newest : session.client.getJob(jobId);
}
