import { Direction } from "./direction.js";
import type { Method } from "./methods.js";
import type { Peer } from "./peer.js";
import type { Refusal } from "./reply.js";
import { lost, refusalOfStatus } from "./reply.js";
import { ServerCall } from "./server-call.js";
import { show } from "./show.js";
import type { Wire } from "./wire.js";

export interface ReaderEvents<A> {
  message(message: A): void;
  /** @param refusal undefined: that was all */
  end(refusal: Refusal | undefined): void;
  /** How long the reader takes for a message. */
  paceMs(): number;
}

/** A call that is answered by a stream, read at the reader's own pace. */
export class ReaderStream<Q, A> {
  #isOver = false;
  readonly #leave: () => void;
  readonly #peer: Peer;
  readonly #events: ReaderEvents<A>;
  #call: ServerCall | undefined;

  constructor(wire: Wire, peer: Peer, method: Method<Q, A>, request: Q, events: ReaderEvents<A>) {
    const { scheduler, rules, trace } = wire.parts;
    this.#peer = peer;
    this.#events = events;
    this.#leave = peer.line.add(() => {
      this.#finish(lost("UNAVAILABLE"));
      this.cancel();
    });
    const bytes = Buffer.from(method.request.encode(request).finish());
    trace(() => `${peer.name} calls ${method.name} ${show(request)}`);
    scheduler.after(wire.delayMs(peer), () => {
      const master = wire.parts.master();
      if (master === undefined || peer.line.isDeadThere) {
        scheduler.after(wire.delayMs(peer), () => {
          this.#finish(lost("UNAVAILABLE"));
        });
        return;
      }
      const direction = new Direction(wire, peer, () => peer.line.isDeadBack);
      const back = (then: () => void) => {
        direction.send(() => {
          peer.clock.enter(then);
        });
      };
      const forget = master.onDeath(() => {
        back(() => {
          this.#finish(lost("UNAVAILABLE"));
        });
      });
      const call = new ServerCall({
        write: (message, taken) => {
          const encoded = master.encode(method.name, message);
          const answer = method.response.decode(encoded);
          rules.streams(method.name, request, answer);
          back(() => {
            if (this.#isOver) return;
            trace(() => `${peer.name} reads of ${method.name}: ${show(answer)}`);
            events.message(answer);
          });
          // Room is there again once the reader has taken it.
          const paceMs = events.paceMs();
          if (paceMs > 0) rules.auditor.gate("a reader was slow");
          scheduler.after(wire.delayMs(peer) + paceMs, () => {
            master.clock.enter(taken);
          });
        },
        end: (error) => {
          forget();
          const refusal = error === undefined ? undefined : refusalOfStatus(error);
          if (refusal !== undefined) rules.leaves(method.name, request, refusal);
          back(() => {
            this.#finish(refusal);
          });
        },
      });
      this.#call = call;
      call.onCancel = (then) => {
        master.clock.enter(then);
      };
      master.clock.enter(() => {
        rules.arrives(peer.name, method.name, request);
        master.serve(method.name, bytes, call);
      });
    });
  }

  /** The reader goes away. */
  cancel(): void {
    this.#finish(undefined);
    const call = this.#call;
    call?.onCancel(() => {
      call.cancel();
    });
  }

  #finish(refusal: Refusal | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#leave();
    this.#peer.clock.enter(() => {
      this.#events.end(refusal);
    });
  }
}
