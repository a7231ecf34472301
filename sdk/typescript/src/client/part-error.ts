import { CapstanError } from "../errors.js";

/**
 * What was wrong with a part of an upload, in terms of the whole job: the master counts the tasks of one
 * message, the caller knows only the stage and its tasks.
 *
 * @param stage the place of the stage in the job
 * @param firstIndex of the part
 */
export function inTermsOfJob(error: unknown, stage: number, firstIndex: number): unknown {
  if (!(error instanceof CapstanError)) return error;
  const rooted = (text: string): string =>
    text.replace(
      /(?<![\w.\]])tasks\[(\d+)\]/,
      (_, index) => `job.stages[${stage}].tasks[${firstIndex + Number(index)}]`,
    );
  const { code, reason, violations, retryAfterMs, metadata, cause } = error;
  const { field } = metadata;
  const Class = error.constructor as typeof CapstanError;
  return new Class(rooted(error.message), {
    code,
    reason,
    retryAfterMs,
    cause,
    violations: violations.map((one) => ({ ...one, field: rooted(one.field) })),
    metadata: field === undefined ? metadata : { ...metadata, field: rooted(field) },
  });
}
