import type { TaskOutput } from "../output-views.js";
import type { Job } from "../views.js";
import type { OutputsOptions } from "./options.js";

/** A job that has succeeded. */
export interface JobResult {
  /** Its id (`job_…`). */
  readonly jobId: string;
  /** The job as it ended. */
  readonly job: Job;
  /**
   * Its outputs, as `client.outputs`; without a stage those of the one that no other depends on.
   * @throws RangeError when no stage is named and several stand last
   */
  outputs(options?: OutputsOptions): AsyncIterable<TaskOutput>;
}

/** The result of a job, with its outputs at hand. */
export function resultOf(
  job: Job,
  outputs: (options: OutputsOptions) => AsyncIterable<TaskOutput>,
): JobResult {
  return {
    jobId: job.jobId,
    job,
    outputs: (options = {}) => outputs({ ...options, stage: options.stage ?? lastStage(job) }),
  };
}

function lastStage(job: Job): string {
  const awaited = new Set(job.stages.flatMap(({ dependsOn }) => dependsOn.map((d) => d.stage)));
  const last = job.stages.filter(({ name }) => !awaited.has(name));
  const [only] = last;
  if (only === undefined || last.length > 1) {
    const names = last.map(({ name }) => name).join(", ");
    throw new RangeError(`name the stage whose outputs are wanted: ${names}`);
  }
  return only.name;
}
