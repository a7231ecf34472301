import type { Metadata, ServerInterceptor } from "@grpc/grpc-js";
import { ServerInterceptingCall, ServerListenerBuilder, status } from "@grpc/grpc-js";
import type { Clock } from "../engine/clock.js";
import { UnavailableError } from "../engine/engine-port.js";
import type { AnonymousPolicy } from "./auth.js";
import { authorize } from "./auth.js";
import { CallRefusedError } from "./errors.js";
import { defaults } from "./limits.js";
import type { Log } from "./log.js";
import { toStatus } from "./status.js";

export interface GuardOptions extends AnonymousPolicy {
  readonly clock: Clock;
  readonly log: Log;
  /** True: only health, reflection and what belongs to running work is taken. */
  readonly isStopping: () => boolean;
  /** What a call without a deadline gets. Default 30,000. */
  readonly deadlineMs?: number;
}

/**
 * Stands before every call: who may come in, and how long it may take.
 *
 * A unary call without a deadline gets one: a caller that is gone without a word would hold it for
 * ever. A server stream has as long to bring its request; then it may take its time.
 */
export function guard(options: GuardOptions): ServerInterceptor {
  return (method, call) => {
    let disarm: (() => void) | undefined;
    const finish = () => {
      disarm?.();
      disarm = undefined;
    };
    const refuse = (error: unknown) => {
      finish();
      call.sendStatus(toStatus(error, options.log));
    };
    const listener = new ServerListenerBuilder()
      .withOnReceiveMetadata((metadata, next) => {
        try {
          admit(method.path, metadata, call.getPeer(), options);
        } catch (error) {
          refuse(error);
          return;
        }
        if (!method.requestStream && call.getDeadline() === Infinity) {
          disarm = armDeadline(options, refuse);
        }
        next(metadata);
      })
      .withOnReceiveHalfClose((next) => {
        if (method.responseStream) finish();
        next();
      })
      .withOnCancel(finish)
      .build();
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next(listener);
      },
      sendStatus: (sent, next) => {
        finish();
        next(sent);
      },
    });
  };
}

/** What belongs to work that is under way: taken until the end. */
const takenWhileStopping: readonly string[] = [
  "/capstan.v1.MasterService/Heartbeat",
  "/capstan.v1.MasterService/ReportFailure",
];

function admit(path: string, metadata: Metadata, peer: string, options: GuardOptions): void {
  const isNew = path.startsWith("/capstan.") && !takenWhileStopping.includes(path);
  if (isNew && options.isStopping()) {
    throw new UnavailableError("the master is stopping");
  }
  const [authorization] = metadata.get("authorization");
  authorize(path, { peer, authorization: authorization?.toString() }, options);
}

function armDeadline(options: GuardOptions, refuse: (error: unknown) => void): () => void {
  const deadlineMs = options.deadlineMs ?? defaults.deadlineMs;
  return options.clock.setTimer(deadlineMs, () => {
    refuse(
      new CallRefusedError(
        `the call took longer than ${deadlineMs} ms and brought no deadline of its own`,
        {
          code: status.DEADLINE_EXCEEDED,
          reason: "DEADLINE",
        },
      ),
    );
  });
}
