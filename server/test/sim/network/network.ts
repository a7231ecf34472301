import type { Method } from "./methods.js";
import type { Peer } from "./peer.js";
import { type ReaderEvents, ReaderStream } from "./reader-stream.js";
import type { Reply } from "./reply.js";
import { lost } from "./reply.js";
import { show } from "./show.js";
import { Wire, type WireParts } from "./wire.js";
import { WorkerStream, type WorkerStreamEvents } from "./worker-stream.js";

/** How long a client waits for an answer. */
const deadlineMs = 30_000;

/** Everything between the master and those who speak with it. What crosses it is bytes. */
export class Network {
  readonly #wire: Wire;

  constructor(parts: WireParts) {
    this.#wire = new Wire(parts);
  }

  /** One call and its answer, or none. */
  call<Q, A>(
    peer: Peer,
    method: Method<Q, A>,
    request: Q,
    onReply: (answer: A | undefined, reply: Reply) => void,
  ): void {
    const { scheduler, rules, trace } = this.#wire.parts;
    let isDone = false;
    let leave: () => void = () => undefined;
    const finish = (reply: Reply) => {
      if (isDone) return;
      isDone = true;
      leave();
      stopWaiting();
      peer.clock.enter(() => {
        trace(() => `${peer.name} hears of ${method.name}: ${summary(method, reply)}`);
        onReply(reply.ok ? method.response.decode(reply.bytes) : undefined, reply);
      });
    };
    const stopWaiting = peer.clock.setTimer(deadlineMs, () => {
      finish(lost("DEADLINE_EXCEEDED"));
    });
    leave = peer.line.add(() => {
      scheduler.after(0, () => {
        finish(lost("UNAVAILABLE"));
      });
    });
    const bytes = Buffer.from(method.request.encode(request).finish());
    trace(() => `${peer.name} calls ${method.name} ${show(request)}`);
    scheduler.after(this.#wire.delayMs(peer), () => {
      if (peer.line.isDeadThere) return;
      const master = this.#wire.parts.master();
      if (master === undefined) {
        scheduler.after(this.#wire.delayMs(peer), () => {
          finish(lost("UNAVAILABLE"));
        });
        return;
      }
      const forget = master.onDeath(() => {
        scheduler.after(this.#wire.delayMs(peer), () => {
          finish(lost("UNAVAILABLE"));
        });
      });
      master.clock.enter(() => {
        rules.arrives(peer.name, method.name, request);
        master.call(method.name, bytes, (reply) => {
          forget();
          rules.leaves(method.name, request, reply);
          scheduler.after(this.#wire.delayMs(peer), () => {
            if (!peer.line.isDeadBack) finish(reply);
          });
        });
      });
    });
  }

  /** A worker's stream. */
  openStream(peer: Peer, events: WorkerStreamEvents): WorkerStream {
    return new WorkerStream(this.#wire, peer, events);
  }

  /** A call that is answered by many messages. */
  read<Q, A>(
    peer: Peer,
    method: Method<Q, A>,
    request: Q,
    events: ReaderEvents<A>,
  ): ReaderStream<Q, A> {
    return new ReaderStream(this.#wire, peer, method, request, events);
  }
}

function summary<A>(method: Method<unknown, A> | Method<never, A>, reply: Reply): string {
  if (!reply.ok) return `${reply.code} ${reply.reason} ${JSON.stringify(reply.facts)}`;
  return show(method.response.decode(reply.bytes));
}
