import type { AssignmentView } from "../../core/index.js";
import type { Engine } from "../../engine/engine-port.js";
import type { TaskBytes } from "./assign-encoder.js";
import { failureOf, previousFailure } from "./failures.js";

const noBytes = new Uint8Array(0);

type Maybe = Uint8Array | undefined;
type Soon<T> = T | Promise<T>;

/**
 * What an assignment carries beside its small fields: at once when all of it is in memory, which
 * is nearly always.
 *
 * @throws RangeError when a blob is gone: the task has ended meanwhile
 */
export function taskBytes(engine: Engine, view: AssignmentView): TaskBytes | Promise<TaskBytes> {
  const body = view.body === 0 ? noBytes : engine.payload(view.body);
  if (view.previousFailure === undefined && view.checkpoint === 0) {
    if (body instanceof Promise) return body.then(plain);
    return plain(body);
  }
  const failure = previousOf(engine, view);
  const checkpoint = view.checkpoint === 0 ? undefined : engine.payload(view.checkpoint);
  if (isSoon(body) || isSoon(failure) || isSoon(checkpoint)) {
    return Promise.all([body, failure, checkpoint]).then(([b, f, c]) => full(b, f, c));
  }
  return full(body, failure, checkpoint);
}

function previousOf(engine: Engine, view: AssignmentView): Soon<Maybe> {
  const facts = view.previousFailure;
  if (facts === undefined) return undefined;
  if (facts.body === 0) return failureOf(facts, view.context.kind.policy.retry.attemptsMax);
  const blob = engine.payload(facts.body);
  return blob instanceof Promise ? blob.then(previousFailure) : previousFailure(blob);
}

function isSoon(value: Soon<Maybe>): value is Promise<Maybe> {
  return value instanceof Promise;
}

function plain(body: Uint8Array): TaskBytes {
  return { body, previousFailure: undefined, checkpoint: undefined };
}

function full(body: Uint8Array, failure: Maybe, checkpoint: Maybe): TaskBytes {
  return { body, previousFailure: failure, checkpoint };
}
