import type { Outcome } from "@capstan/proto/capstan/v1/failure.js";
import { decodeToken } from "../../../src/rpc/token.js";
import type { Auditor } from "./auditor.js";
import type { LeaseModel } from "./model.js";
import { nameOf } from "./model.js";

/** What a worker may be told of a lease, by what the disk has. */

type OutcomeCase = NonNullable<Outcome["outcome"]>["$case"];

/**
 * Checks what is told of a token as it leaves.
 *
 * @param workerId who is told; undefined: whoever reported beside a stream
 */
export function checkOutcome(
  auditor: Auditor,
  workerId: string | undefined,
  bytes: Uint8Array,
  told: Outcome | undefined,
): void {
  const { model, verdict } = auditor;
  const token = decodeToken(bytes);
  const outcome = told?.outcome;
  if (outcome === undefined) return verdict.fail(`${workerId} is told an empty outcome`);
  const lease = model.leaseOf(token);
  const kind = outcome.$case;
  if (lease?.task === undefined) {
    // Of a delivery that was settled the draw is no longer kept: whoever guesses the rest hears how it ended.
    const settled = token && model.tasks[token.task]?.settled;
    const isLike = settled?.token.delivery === token?.delivery && settled?.job?.no === token?.job;
    const allowed = isLike && settled !== undefined ? allowedOf(settled, workerId) : afterStop;
    verdict.check(
      kind === "stale" || kind === "gone" || allowed.includes(kind),
      () => `a token that nobody made was answered ${kind}`,
    );
    if (kind === "stale") auditor.gate("a token that nobody made was answered stale");
    return;
  }
  const allowed = allowedOf(lease, workerId);
  const what = `delivery ${lease.token.delivery} of ${nameOf(lease.task)}`;
  verdict.check(
    allowed.includes(kind),
    () =>
      `${workerId ?? "somebody"} is told ${kind} of ${what}, which ` +
      `${lease.end === undefined ? "is live" : `ended by ${lease.end.type}`} ` +
      `(should be ${allowed.join(" or ")})`,
  );
  if (outcome.$case === "deadLettered") {
    verdict.check(
      outcome.value.deadLetterId === lease.task.deadLetterId,
      () => `${what} is told a dead letter that is another's`,
    );
  }
  const { end } = lease;
  if (outcome.$case === "retry" && end?.type === "attempt_failed") {
    const next = end.attempt + (end.charge === "attempt" ? 1 : 0);
    verdict.check(
      outcome.value.attempt === next,
      () => `${what} is told of attempt ${outcome.value.attempt}, and ${next} comes next`,
    );
  }
  seen(auditor, lease, kind);
}

const afterStop: readonly OutcomeCase[] = ["stale", "gone"];

function allowedOf(lease: LeaseModel, workerId: string | undefined): readonly OutcomeCase[] {
  const { end, task, job } = lease;
  const isForeign = workerId !== undefined && workerId !== lease.worker.spec.workerId;
  if (end === undefined) return isForeign ? ["stale"] : [];
  const gone: readonly OutcomeCase[] = job?.retired === true ? ["gone"] : [];
  if (end.type === "tasks_cancelled" || end.stopping) return afterStop;
  switch (end.type) {
    case "task_succeeded":
      return ["succeeded", ...gone];
    case "task_failed":
      return ["deadLettered", ...gone];
    case "delivery_cancelled":
      return ["cancelled", ...gone];
    case "attempt_failed":
      return task?.settled === lease ? ["retry", ...gone] : ["retry", "stale", ...gone];
    case "delivery_requeued": {
      const isReturn = ["recalled", "drained", "over_delivered"].includes(end.reason);
      if (!isReturn) return ["stale", ...gone];
      return task?.settled === lease ? ["requeued", ...gone] : ["requeued", "stale", ...gone];
    }
  }
}

function seen(auditor: Auditor, lease: LeaseModel, kind: OutcomeCase): void {
  if (kind === "gone") auditor.gate("a token of a job that has left was answered gone");
  const { end } = lease;
  if (kind === "stale" && end?.type === "delivery_requeued" && end.reason === "expired") {
    auditor.gate("a late result of a lease that had expired was stale");
  }
  if (kind === "succeeded" && auditor.tell(lease.token.lease, kind) > 1) {
    auditor.gate("a result was sent twice and answered the same");
  }
}
