import type { AssignmentView } from "../../core/index.js";
import type { Engine } from "../../engine/engine-port.js";
import { failureOf, previousFailure } from "./failures.js";

const noBytes: Uint8Array = new Uint8Array(0);

/** The bytes that go into one assigned task beside its small fields. */
export interface TaskBytes {
  /** Payload and inputs, already encoded as fields of AssignedTask: bytes [start, stop) of this. */
  readonly section: Uint8Array;
  readonly start: number;
  readonly stop: number;
  /** An encoded Failure. */
  readonly previousFailure: Uint8Array | undefined;
  readonly checkpoint: Uint8Array | undefined;
}

/** Its fields are set anew for each task that has a body and nothing else: nearly all of them. */
export class PlainTaskBytes implements TaskBytes {
  section = noBytes;
  start = 0;
  stop = 0;
  readonly previousFailure = undefined;
  readonly checkpoint = undefined;

  /** @returns false when there is more to the task, or its body is not in memory */
  find(engine: Engine, view: AssignmentView): boolean {
    if (view.previousFailure !== undefined || view.checkpoint !== 0) return false;
    if (view.body === 0) {
      this.start = this.stop = 0;
      return true;
    }
    const span = engine.findPayload(view.body);
    if (span === undefined) return false;
    ({ section: this.section, start: this.start, stop: this.stop } = span);
    return true;
  }
}

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

function full(section: Uint8Array, failure: Maybe, checkpoint: Maybe): TaskBytes {
  const { length: stop } = section;
  return { section, start: 0, stop, previousFailure: failure, checkpoint };
}
