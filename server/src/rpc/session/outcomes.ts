import {
  CancelReason as WireCancelReason,
  Charge,
  Outcome,
} from "@capstan/proto/capstan/v1/failure.js";
import type {
  CancelReason,
  Charge as CoreCharge,
  LeaseToken,
  Outcome as CoreOutcome,
  OutcomeKind,
} from "../../core/index.js";
import type { WireWriter } from "../wire/wire-writer.js";

/** What became of a lease, and which one. */
export interface Settlement {
  readonly token: LeaseToken;
  readonly outcome: CoreOutcome;
}

const charges = {
  none: Charge.CHARGE_NONE,
  attempt: Charge.CHARGE_ATTEMPT,
  lost: Charge.CHARGE_LOST,
  drain: Charge.CHARGE_DRAIN,
  oom: Charge.CHARGE_OOM,
  breaker: Charge.CHARGE_BREAKER,
} as const satisfies Record<CoreCharge, Charge>;

type ToWire = {
  readonly [K in OutcomeKind]: (
    outcome: Extract<CoreOutcome, { kind: K }>,
  ) => NonNullable<Outcome["outcome"]>;
};

// The one table behind Settled, Registered.settled, HeartbeatResponse and ReportFailureResponse: an
// outcome of the core without its row does not compile.
const toWire: ToWire = {
  succeeded: () => ({ $case: "succeeded", value: { deadLetterId: "" } }),
  retry: ({ inMs, attempt }) => ({ $case: "retry", value: { inMs: Math.ceil(inMs), attempt } }),
  dead_lettered: ({ id }) => ({ $case: "deadLettered", value: { deadLetterId: id } }),
  requeued: ({ charge }) => ({
    $case: "requeued",
    value: { charge: charges[charge], inMs: 0 },
  }),
  // The core cancels a lease that ends by itself only because its job is being cancelled or fails.
  cancelled: () => ({ $case: "cancelled", value: { reason: WireCancelReason.CANCEL_REASON_JOB } }),
  stale: ({ delivery }) => ({ $case: "stale", value: { delivery } }),
  gone: () => ({ $case: "gone", value: {} }),
};

/** An outcome of the core as the contract has it. */
export function outcomeMessage(outcome: CoreOutcome): Outcome {
  const row = toWire[outcome.kind] as (outcome: CoreOutcome) => NonNullable<Outcome["outcome"]>;
  return { outcome: row(outcome) };
}

/** Outcomes that look alike every time, encoded once. */
const constant = new Map<OutcomeKind, Uint8Array>(
  (["succeeded", "cancelled", "gone"] as const).map((kind) => [
    kind,
    Outcome.encode(outcomeMessage({ kind })).finish(),
  ]),
);

function encodeOutcome(outcome: CoreOutcome): Uint8Array {
  return constant.get(outcome.kind) ?? Outcome.encode(outcomeMessage(outcome)).finish();
}

// Fields of Settlement.
const tokenTag = (1 << 3) | 2;
const outcomeTag = (2 << 3) | 2;

/** Writes a Settlement as a field of the message that is open. */
export function writeSettlement(writer: WireWriter, tag: number, settlement: Settlement): void {
  const mark = writer.open(tag, 64);
  writer.token(tokenTag, settlement.token);
  writer.bytes(outcomeTag, encodeOutcome(settlement.outcome));
  writer.close(mark);
}

/** Why a lease is taken away, as the contract has it. */
export const cancelReasons = {
  job: WireCancelReason.CANCEL_REASON_JOB,
  task: WireCancelReason.CANCEL_REASON_TASK,
  lease_lost: WireCancelReason.CANCEL_REASON_LEASE_LOST,
  copy_won: WireCancelReason.CANCEL_REASON_COPY_WON,
  timeout: WireCancelReason.CANCEL_REASON_TIMEOUT,
  deadline: WireCancelReason.CANCEL_REASON_DEADLINE,
} as const satisfies Record<CancelReason, WireCancelReason>;
