import type { Job, Warning } from "@capstan/sdk";
import type { Interrupts } from "./interrupts.js";
import type { ProgressView } from "./output/progress.js";
import { isOver } from "./output/states.js";
import { Troubles, warningLine } from "./output/troubles.js";
import type { Session } from "./session.js";

/** How often it is asked what stands in the way: no news of the job tells that a worker has gone. */
const lookEveryMs = 2_000;

/**
 * Shows a job until it ends, also over restarts of the master, and says when something comes to stand in
 * its way, as when the last worker goes that serves a type.
 * @param known what has been said already
 * @throws Interrupted when somebody ends the command: the job goes on
 */
export async function follow(
  session: Session,
  jobId: string,
  view: ProgressView,
  interrupts: Interrupts,
  known: readonly Warning[],
): Promise<Job> {
  const signal = AbortSignal.any([session.timeUp, interrupts.signal]);
  let newest: Job | undefined;
  const stopLooking = lookForTroubles(session, jobId, view, known);
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
    stopLooking();
    view.stop();
  }
  return newest !== undefined && isOver(newest.state) ? newest : session.client.getJob(jobId);
}

function lookForTroubles(
  session: Session,
  jobId: string,
  view: ProgressView,
  known: readonly Warning[],
): () => void {
  const troubles = new Troubles();
  troubles.fresh(known);
  let isLooking = false;
  let hasEnded = false;
  const look = async () => {
    if (isLooking) return;
    isLooking = true;
    try {
      const { warnings } = await session.client.getJob(jobId);
      if (hasEnded) return;
      for (const warning of troubles.fresh(warnings)) view.note(warningLine(warning, session.err));
    } catch {
      // A master that does not answer is waited for by the watch.
    } finally {
      isLooking = false;
    }
  };
  const timer = setInterval(() => void look(), lookEveryMs);
  return () => {
    hasEnded = true;
    clearInterval(timer);
  };
}
