import { Failure } from "@capstan/proto/capstan/v1/failure.js";
import type {
  ReportFailureRequest,
  ReportFailureResponse,
} from "@capstan/proto/capstan/v1/master_service.js";
import { leaseView } from "../../core/index.js";
import type { Clock } from "../../engine/clock.js";
import type { Engine } from "../../engine/engine-port.js";
import { Blobs } from "../../engine/engine-port.js";
import { Checker } from "../codec/checker.js";
import { InvalidInputError } from "../errors.js";
import { RejectedError } from "../status.js";
import { decodeToken } from "../token.js";
import { failureReport, isUnreportable } from "./failures.js";
import { outcomeMessage } from "./outcomes.js";
import { sessionLimits } from "./session-limits.js";

/** A failure that is reported from outside its worker's stream. The answer is what happens next. */
export function reportFailure(deps: {
  readonly engine: Engine;
  readonly clock: Clock;
}): (request: ReportFailureRequest) => Promise<ReportFailureResponse> {
  const { engine, clock } = deps;
  return async (request) => {
    const checker = new Checker("ReportFailure", "");
    const namespace = checker.namespace(".namespace", request.namespace);
    const failure = request.failure ?? Failure.fromPartial({});
    if (request.failure === undefined) checker.fail(".failure", "is missing");
    const size = Failure.encode(failure).finish().length;
    if (size > sessionLimits.reportBytes) {
      checker.exceed(".failure", sessionLimits.reportBytes, size, "bytes");
    }
    checker.finish();
    const token = decodeToken(request.token);
    if (token === undefined) {
      const field = "token";
      throw new InvalidInputError(
        [{ field, description: "is no lease token of 32 bytes" }],
        "TOKEN_MALFORMED",
      );
    }
    if (isUnreportable(failure)) {
      const wrong = { field: "failure.kind", description: "the master alone says so" };
      throw new InvalidInputError([wrong], "FAILURE_INVALID", { kind: "FAILURE_KIND_WORKER_LOST" });
    }

    const view = await engine.read((state, { now }) => leaseView(state, token, now));
    // Of another namespace's leases nothing is told, and nothing is done to them.
    if (view.namespace !== namespace && view.namespace !== "") {
      return { outcome: outcomeMessage({ kind: "stale", delivery: 0 }) };
    }
    const lease = view.standing === "over" ? undefined : view;
    const report = failureReport(failure, lease, token.delivery, Math.floor(clock.wallMs()));
    const result = await engine.submit(
      { kind: "fail_lease", worker: undefined, token, failure: report.draft },
      Blobs.of([report.blob]),
    );
    if (!result.ok) throw new RejectedError(result.rejection);
    return { outcome: outcomeMessage(result.reply) };
  };
}
