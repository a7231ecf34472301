import type { Failure as FailureMessage } from "@capstan/proto/capstan/v1/failure.js";
import { Charge, Failure, FailureKind } from "@capstan/proto/capstan/v1/failure.js";
import type {
  Charge as CoreCharge,
  FailureKind as CoreKind,
  FailureView,
} from "../../core/index.js";
import { timestamp } from "./encode-time.js";

const kinds = {
  error: FailureKind.FAILURE_KIND_ERROR,
  timeout: FailureKind.FAILURE_KIND_TIMEOUT,
  worker_lost: FailureKind.FAILURE_KIND_WORKER_LOST,
  out_of_memory: FailureKind.FAILURE_KIND_OUT_OF_MEMORY,
  rejected: FailureKind.FAILURE_KIND_REJECTED,
  cancelled: FailureKind.FAILURE_KIND_CANCELLED,
  invalid: FailureKind.FAILURE_KIND_INVALID,
} as const satisfies Record<CoreKind, FailureKind>;

export const charges = {
  none: Charge.CHARGE_NONE,
  attempt: Charge.CHARGE_ATTEMPT,
  lost: Charge.CHARGE_LOST,
  drain: Charge.CHARGE_DRAIN,
  oom: Charge.CHARGE_OOM,
  breaker: Charge.CHARGE_BREAKER,
} as const satisfies Record<CoreCharge, Charge>;

/**
 * A failure as it is read back.
 *
 * @param whole what was reported, with its stack and causes; undefined: a list leaves them out
 */
export function encodeFailure(view: FailureView, whole?: Uint8Array): FailureMessage {
  const { facts } = view;
  const reported =
    whole === undefined || whole.length === 0
      ? Failure.fromPartial({ type: facts.type, message: facts.message })
      : Failure.decode(whole);
  return {
    ...reported,
    kind: kinds[facts.kind],
    delivery: view.delivery,
    attempt: view.attempt,
    maxAttempts: view.attemptsMax,
    isLastAttempt: view.attempt >= view.attemptsMax,
    generation: view.generation,
    workerId: view.workerId,
    host: view.host,
    charge: charges[view.charge],
    startedAt: timestamp(view.grantedWall),
    failedAt: timestamp(view.endedWall),
  };
}
