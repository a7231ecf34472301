import type {
  Command,
  Context,
  CoreEvent,
  Decision,
  Rejection,
  State,
} from "../../../src/core/index.js";
import type { CoreFunctions } from "../../../src/engine/core-functions.js";
import type {
  Engine,
  Result,
  Submission,
  SubmissionSource,
} from "../../../src/engine/engine-port.js";
import type { Journal } from "../../../src/journal/journal.js";
import type { Plant } from "./plant.js";

/** Bugs, each as somebody might make it. What the auditor says of each is in `planted.test.ts`. */
export const plants = {
  /** `attempt-failed.ts` without the line that takes the failure out of the budget. */
  applierLineDropped: applied((state, event) => {
    if (event.type !== "attempt_failed" || event.charge !== "attempt") return;
    state.tasks.failures.add(event.task, -1);
  }),

  /** A worker that is lost costs an attempt. */
  attemptCountedOnLoss: applied((state, event) => {
    if (event.type !== "delivery_requeued" || event.charge !== "lost") return;
    state.tasks.failures.add(event.task, 1);
  }),

  /** A lease that stops gives its room back at once, and again when it is answered for. */
  leaseFreedTwice: applied((state, event) => {
    if (!("stopping" in event) || !event.stopping) return;
    const worker = state.worker(event.worker);
    const lease = state.leases.get(event.lease);
    for (const [i, kind] of (lease?.demand.kinds ?? []).entries()) {
      worker.used[kind] = (worker.used[kind] ?? 0) - (lease?.demand.milli[i] ?? 0);
    }
    state.placement.offer(worker.no);
  }),

  /** A result is taken for the delivery that its task has now, whichever it is of. */
  fenceSkipped: decided((real, state, command) => {
    if (command.kind !== "complete_lease" || !state.tasks.has(command.token.task))
      return real(command);
    const no = state.tasks.lease.get(command.token.task);
    const lease = state.leases.get(no);
    if (lease === undefined) return real(command);
    const { job, task, delivery, epoch, drawHigh, drawLow } = lease;
    const token = { lease: no, job, task, delivery, epoch, drawHigh, drawLow };
    return real({ ...command, token, worker: undefined });
  }),

  /** A result that comes again is told to be stale, though its worker was told that it counted. */
  settledTwice: decided((real, _, command) => {
    const decision = real(command);
    if (command.kind !== "complete_lease" || !decision.ok || decision.events.length > 0) {
      return decision;
    }
    return { ...decision, reply: { kind: "stale", delivery: command.token.delivery } };
  }),

  /** A key that is in use makes another job. */
  keyForgotten: decided((real, _, command) => {
    if (command.kind !== "submit_job") return real(command);
    const decision = real({ ...command, idempotencyKey: "" });
    if (!decision.ok) return decision;
    const events = decision.events.map((event): CoreEvent =>
      event.type === "job_submitted" ? { ...event, idempotencyKey: command.idempotencyKey } : event,
    );
    return { ...decision, events };
  }),

  /** A failure is tried again however often. */
  attemptsWithoutEnd: decided((real, _, command, { now }) => {
    const decision = real(command);
    if (command.kind !== "fail_lease" || !decision.ok) return decision;
    if (!decision.events.some(({ type }) => type === "task_failed")) return decision;
    const events = decision.events.map((event): CoreEvent => {
      if (event.type !== "task_failed" || event.stopping) return event;
      const { deadLetterId: _id, ...rest } = event;
      return { ...rest, type: "attempt_failed", retryAt: now };
    });
    return { ...decision, events, reply: { kind: "retry", inMs: 0, attempt: 1 } };
  }),

  /** Terms go on while the master stands still. */
  expiryInStall: {
    core: (real: CoreFunctions): CoreFunctions => {
      let origin: number | undefined;
      const moving = <C extends { readonly now: number; readonly termNow: number }>(context: C) => {
        origin ??= context.now - context.termNow;
        return Object.assign(Object.create(context) as C, { termNow: context.now - origin });
      };
      return {
        ...real,
        dueCommands: (state, context, settings) => {
          // A new process counts from its own start.
          if (context.termNow < 1_000) origin = context.now - context.termNow;
          return real.dueCommands(state, moving(context), settings);
        },
        decide: (state, command, context, settings) =>
          real.decide(
            state,
            command,
            command.kind === "expire_lease" ? moving(context) : context,
            settings,
          ),
      };
    },
  },

  /** An append is called durable when it has been asked for. */
  replyBeforeDurable: {
    journal: (real: Journal): Journal => {
      let index = real.lastIndex;
      let before: Promise<unknown> = Promise.resolve();
      return {
        id: real.id,
        firstIndex: real.firstIndex,
        closed: real.closed,
        get lastIndex() {
          return index;
        },
        repairs: real.repairs,
        claim: async () => {
          const claim = await real.claim();
          index = claim.index;
          return claim;
        },
        append: (body) => {
          before = before.then(() => real.append(body));
          index += 1;
          return Promise.resolve({ kind: "durable", index });
        },
        read: (from) => real.read(from),
        readBytes: (at, offset, length) => before.then(() => real.readBytes(at, offset, length)),
        truncate: (below) => real.truncate(below),
        close: () => real.close(),
      };
    },
  },

  /** Who is refused hears so at once, and not when what the refusal rests on is durable. */
  refusalReleasedEarly: earlyRefusals(),

  /** A list of jobs has not the second one. */
  jobNotListed: listed("jobs"),

  /** A list of tasks has not the second one. */
  taskNotListed: listed("tasks"),

  /** The bytes of one output are given for another's. */
  outputsMixedUp: {
    engine: (real: Engine): Engine =>
      Object.assign(Object.create(real) as Engine, forwarded(real), {
        payload: (blob: number) => real.payload(real.hasPayload(blob - 1) ? blob - 1 : blob),
      }),
  },
} as const satisfies Readonly<Record<string, Plant>>;

/** An applier that does more, or less, than it should. */
function applied(more: (state: State, event: CoreEvent) => void): Plant {
  return {
    core: (real) => ({
      ...real,
      apply: (state, event, stamp) => {
        real.apply(state, event, stamp);
        more(state, event);
      },
    }),
  };
}

/** A decider that decides otherwise. */
function decided(
  other: (
    real: (command: Command) => Decision,
    state: State,
    command: Command,
    context: Context,
  ) => Decision,
): Plant {
  return {
    core: (core) => {
      const decide = (
        state: State,
        command: Command,
        ...rest: Tail<Parameters<CoreFunctions["decide"]>>
      ): Decision => {
        const real = (one: Command): Decision => core.decide(state, one, ...rest);
        return other(real, state, command, rest[0]);
      };
      return { ...core, decide: decide as CoreFunctions["decide"] };
    },
  };
}

type Tail<T extends readonly unknown[]> = T extends readonly [unknown, unknown, ...infer Rest]
  ? Rest
  : never;

/** Whoever lists is not given the second of what was found. */
function listed(what: "jobs" | "tasks"): Plant {
  const without = (answer: unknown): unknown => {
    if (typeof answer !== "object" || answer === null || !("next" in answer)) return answer;
    const found: unknown = (answer as Record<string, unknown>)[what];
    return Array.isArray(found) ? { ...answer, [what]: found.filter((_, i) => i !== 1) } : answer;
  };
  return {
    engine: (real) =>
      Object.assign(Object.create(real) as Engine, forwarded(real), {
        read: (query: Parameters<Engine["read"]>[0]) => real.read(query).then(without),
      }),
  };
}

function earlyRefusals(): Plant {
  const waiting = new Map<Command, (rejection: Rejection) => void>();
  return {
    core: (core) => {
      const decide = (...args: Parameters<CoreFunctions["decide"]>): Decision => {
        const decision: Decision = core.decide(...args);
        if (!decision.ok) waiting.get(args[1])?.(decision.rejection);
        waiting.delete(args[1]);
        return decision;
      };
      return { ...core, decide: decide as CoreFunctions["decide"] };
    },
    engine: (real) =>
      Object.assign(Object.create(real) as Engine, forwarded(real), {
        submit: (command: Command, blobs: Parameters<Engine["submit"]>[1]) => {
          const early = new Promise<Result<unknown>>((resolve) => {
            waiting.set(command, (rejection) => {
              resolve({ ok: false, rejection });
            });
          });
          return Promise.race([real.submit(command as never, blobs), early]);
        },
        submitFrom: (source: SubmissionSource) =>
          new Promise<readonly Result<unknown>[]>((resolve, reject) => {
            const next = (): Submission | undefined => {
              const submission = source.next();
              if (submission?.command.kind === "append_tasks") {
                waiting.set(submission.command, (rejection) => {
                  resolve([{ ok: false, rejection }]);
                });
              }
              return submission;
            };
            real.submitFrom({ next }).then(resolve, reject);
          }),
      }),
  };
}

/** The engine's methods, bound: a private field is not reached through another object. */
function forwarded(real: Engine): Partial<Engine> {
  return {
    settings: real.settings,
    epoch: real.epoch,
    startedWall: real.startedWall,
    submit: (command, blobs) => real.submit(command, blobs),
    submitMany: (submissions) => real.submitMany(submissions),
    submitFrom: (source) => real.submitFrom(source),
    note: (annotation) => {
      real.note(annotation);
    },
    read: (query) => real.read(query),
    hasPayload: (blob) => real.hasPayload(blob),
    payload: (blob) => real.payload(blob),
    findPayload: (blob) => real.findPayload(blob),
    attach: (session, listener) => {
      real.attach(session, listener);
    },
    detach: (session) => {
      real.detach(session);
    },
    onDurable: (listener) => real.onDurable(listener),
    workerOf: (session) => real.workerOf(session),
  };
}
