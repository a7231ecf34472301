import { Failure, FailureKind } from "@capstan/proto/capstan/v1/failure.js";
import { PartitionOutput } from "@capstan/proto/capstan/v1/common.js";
import { HeldState, ReturnReason } from "@capstan/proto/capstan/v1/session.js";
import type { HeldLease, Says } from "./held-lease.js";

/** What workers say, as messages. */

export function completed(held: HeldLease): Says {
  const outputs = [];
  if (held.plan.behaviour === "outputs") {
    for (let partition = 0; partition < held.partitions; partition++) {
      const text = `${held.lease}#${partition}`;
      const isRef = partition % 2 === 1;
      const value = isRef
        ? {
            $case: "ref" as const,
            value: {
              uri: text,
              sizeBytes: BigInt(partition * 1_000),
              hosts: [`host-${partition % 3}`],
            },
          }
        : { $case: "inline" as const, value: Buffer.from(text.padEnd(40 + partition, ".")) };
      outputs.push(PartitionOutput.fromPartial({ partition, value }));
    }
  }
  const value = { token: held.token, outputs, recordCount: undefined, failedRecords: [] };
  return { $case: "completed", value };
}

export function failed(token: Buffer, failure: Partial<Failure>): Says {
  return { $case: "failed", value: { token, failure: failureOf(failure) } };
}

export function failureOf(failure: Partial<Failure>): Failure {
  const kind = FailureKind.FAILURE_KIND_ERROR;
  return Failure.fromPartial({ kind, type: "Broken", message: "it broke", ...failure });
}

export function returned(
  reason: "recalled" | "drained" | "over_delivered" | "cancelled",
  tokens: readonly Buffer[],
): Says {
  const reasons = {
    recalled: ReturnReason.RETURN_REASON_RECALLED,
    drained: ReturnReason.RETURN_REASON_DRAINED,
    over_delivered: ReturnReason.RETURN_REASON_OVER_DELIVERED,
    cancelled: ReturnReason.RETURN_REASON_CANCELLED,
  };
  return { $case: "returned", value: { reason: reasons[reason], tokens: [...tokens] } };
}

/** All that a worker holds, with what it takes. */
export function heldList(held: readonly HeldLease[], throughSequence: number, session: string) {
  const states = {
    received: HeldState.HELD_STATE_RECEIVED,
    started: HeldState.HELD_STATE_STARTED,
    result_pending: HeldState.HELD_STATE_RESULT_PENDING,
  };
  return {
    throughSequence,
    session,
    held: held.map(({ token, state }, demand) => ({ token, state: states[state], demand })),
    demands: held.map(({ demand }) => ({ resources: [...demand] })),
  };
}
