import { Cancel } from "@capstan/proto/capstan/v1/session.js";
import type {
  HeartbeatRequest,
  HeartbeatResponse,
} from "@capstan/proto/capstan/v1/master_service.js";
import { status } from "@grpc/grpc-js";
import type { CancelReason, LeaseToken, Outcome, State } from "../../core/index.js";
import { leaseView, queries } from "../../core/index.js";
import type { Engine } from "../../engine/engine-port.js";
import { Checker } from "../codec/checker.js";
import { CallRefusedError } from "../errors.js";
import { encodeToken } from "../token.js";
import { checkNamespaces, checkTokens, checkWorkerId } from "./checks.js";
import { cancelReasons, outcomeMessage } from "./outcomes.js";
import { superseded } from "./session-errors.js";
import { sessionLimits } from "./session-limits.js";

/** What is to be said of one of the leases that a heartbeat names. */
type Standing =
  | { readonly kind: "live" }
  | { readonly kind: "taken"; readonly reason: CancelReason }
  | { readonly kind: "settled"; readonly outcome: Outcome };

/** Renews the leases that it names, from wherever that can be done; makes nobody eligible. */
export function heartbeat(deps: {
  readonly engine: Engine;
}): (request: HeartbeatRequest) => Promise<HeartbeatResponse> {
  const { engine } = deps;
  return async (request) => {
    const checker = new Checker("Heartbeat", "");
    const namespaces = new Set(checkNamespaces(checker, ".namespaces", request.namespaces));
    checkWorkerId(checker, ".worker_id", request.workerId);
    checker.text(".incarnation", request.incarnation, sessionLimits.incarnationBytes);
    const tokens = checkTokens(checker, ".tokens", request.tokens);
    checker.finish();

    const { workerId, incarnation } = request;
    const found = await engine.read((state, { now }) => {
      const worker = queries.findWorker(state, workerId);
      const standings = tokens.map((token) =>
        standingOf(state, token, now, namespaces, worker?.no ?? -1),
      );
      return { worker, standings };
    });
    const { worker, standings } = found;
    if (worker === undefined) throw workerNotFound(workerId);
    if (incarnation !== "" && incarnation !== worker.spec.incarnation) throw superseded(workerId);
    const live = tokens.filter((_, i) => standings[i]?.kind === "live");
    engine.note({ kind: "renew_leases", worker: worker.no, tokens: live });
    return {
      leaseTermMs: engine.settings.leaseTermMs,
      cancels: cancelsOf(tokens, standings),
      settlements: tokens.flatMap((token, i) => {
        const standing = standings[i];
        if (standing?.kind !== "settled") return [];
        return [{ token: encodeToken(token), outcome: outcomeMessage(standing.outcome) }];
      }),
      drain: worker.draining ? { withinMs: undefined, note: "" } : undefined,
    };
  };
}

function standingOf(
  state: State,
  token: LeaseToken,
  now: number,
  namespaces: ReadonlySet<string>,
  worker: number,
): Standing {
  const view = leaseView(state, token, now);
  // Nothing is told of what belongs to others.
  if (!namespaces.has(view.namespace)) return { kind: "taken", reason: "lease_lost" };
  if (view.standing === "over") {
    const { outcome } = view;
    const isLost = outcome.kind === "stale" || outcome.kind === "gone";
    return isLost ? { kind: "taken", reason: "lease_lost" } : { kind: "settled", outcome };
  }
  if (view.worker !== worker) return { kind: "taken", reason: "lease_lost" };
  if (view.standing === "live") return { kind: "live" };
  return { kind: "taken", reason: view.jobIsCancelled ? "job" : "lease_lost" };
}

function cancelsOf(tokens: readonly LeaseToken[], standings: readonly Standing[]): Cancel[] {
  const byReason = new Map<CancelReason, Cancel>();
  for (const [i, token] of tokens.entries()) {
    const standing = standings[i];
    if (standing?.kind !== "taken") continue;
    let cancel = byReason.get(standing.reason);
    if (cancel === undefined) {
      cancel = Cancel.fromPartial({ reason: cancelReasons[standing.reason] });
      byReason.set(standing.reason, cancel);
    }
    cancel.tokens.push(encodeToken(token));
  }
  return [...byReason.values()];
}

function workerNotFound(workerId: string): CallRefusedError {
  return new CallRefusedError(`no worker ${workerId}`, {
    code: status.NOT_FOUND,
    reason: "WORKER_NOT_FOUND",
    facts: { worker_id: workerId },
  });
}
