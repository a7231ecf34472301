import { FailureKind } from "@capstan/proto/capstan/v1/failure.js";
import type {
  Assign,
  AssignedTask,
  MasterMessage,
  Registered,
} from "@capstan/proto/capstan/v1/session.js";
import { RecallReason, Register, WorkerMessage } from "@capstan/proto/capstan/v1/session.js";
import { decodeToken } from "../../../src/rpc/token.js";
import { methods } from "../network/methods.js";
import type { Network } from "../network/network.js";
import type { Line, Peer } from "../network/peer.js";
import type { Refusal } from "../network/reply.js";
import type { WorkerStream } from "../network/worker-stream.js";
import type { ProcessClock } from "../process-clock.js";
import type { Random } from "../random.js";
import { type HeldLease, HeldLeases, type Says } from "./held-lease.js";
import { completed, failed, type failureOf, heldList, returned } from "./says.js";
import { planOf } from "./task-plan.js";
import type { WorkerTraits } from "./worker-traits.js";

export interface WorkerProcessParts {
  readonly network: Network;
  readonly clock: ProcessClock;
  readonly line: Line;
  readonly random: Random;
  readonly traits: WorkerTraits;
  readonly incarnation: string;
  /** The process ends by itself. */
  readonly onEnd: (why: "poison" | "superseded" | "drained") => void;
}

/** A stream on which nothing is heard for so long is let go. */
const silenceMs = 20_000;

/**
 * One process of a worker, much as an SDK would be: it keeps what it holds over sessions, starts by the rule of
 * the ledger, and sends results again until they are settled.
 */
export class WorkerProcess {
  readonly peer: Peer;
  readonly held = new HeldLeases();
  readonly #parts: WorkerProcessParts;
  #stream: WorkerStream | undefined;
  #session = "";
  #isOpen = false;
  #through = 0;
  #order = 0;
  #heardAt = 0;
  #registeredCapacity: WorkerTraits["capacity"] = [];
  #isDraining = false;
  #isOver = false;
  #pingMs = 5_000;
  #leaseTermMs = 15_000;
  #renewedAt = 0;
  /** What it gathers for its next frame. */
  #unsaid: Says[] = [];

  constructor(parts: WorkerProcessParts) {
    this.#parts = parts;
    const { clock, line, traits } = parts;
    this.peer = { name: `${traits.id}/${parts.incarnation}`, clock, line };
    clock.soon(() => {
      this.#connect();
      this.#tick();
      this.#beat();
    });
  }

  get isConnected(): boolean {
    return this.#isOpen;
  }

  /** How long until what it holds runs out, if nothing more is heard of it. */
  get termLeftMs(): number {
    return this.#renewedAt + this.#leaseTermMs - this.#parts.clock.monotonicMs();
  }

  /** The process is gone. @param noticedAfterMs until the master sees its stream close */
  die(noticedAfterMs: number): void {
    this.#isOver = true;
    this.#parts.clock.die();
    this.#stream?.abandon(noticedAfterMs);
  }

  /** All that it holds is forgotten, though the process goes on. */
  forget(): void {
    for (const { token } of this.held.all) this.held.delete(token);
    this.#leaveIfDone();
  }

  /** It finishes what it has started, gives back the rest, and goes. */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#say({ $case: "draining", value: { withinMs: undefined, note: "" } });
    const unstarted = this.held.all.filter(({ state }) => state === "received");
    this.#giveBack("drained", unstarted);
    this.#leaveIfDone();
  }

  /** It has more or less to offer from now on. */
  resize(): void {
    const capacity = { resources: [...this.#parts.traits.capacity] };
    this.#say({ $case: "resources", value: { capacity, load: undefined, labels: undefined } });
  }

  #connect(): void {
    if (this.#isOver) return;
    const { network, traits, incarnation, clock } = this.#parts;
    this.#isOpen = false;
    this.#unsaid = [];
    this.#heardAt = clock.monotonicMs();
    const stream: WorkerStream = network.openStream(this.peer, {
      message: (message) => {
        if (this.#stream === stream) this.#hear(message);
      },
      end: (refusal) => {
        if (this.#stream === stream) this.#lostStream(refusal);
      },
    });
    this.#stream = stream;
    this.#registeredCapacity = traits.capacity;
    const value = Register.fromPartial({
      protocolVersion: 1,
      sdkName: "model",
      sdkVersion: "1",
      workerId: traits.id,
      incarnation,
      namespaces: [...traits.namespaces],
      host: traits.host,
      rack: traits.rack,
      resources: [...traits.capacity],
      labels: { ...traits.labels },
      taskTypes: [...traits.types],
      prefetchTasks: traits.prefetch,
      held: heldList(this.held.all, this.#through, this.#session),
    });
    this.#send([{ $case: "register", value }]);
  }

  #lostStream(refusal: Refusal | undefined): void {
    this.#stream = undefined;
    this.#isOpen = false;
    if (this.#isOver) return;
    if (refusal?.reason === "SUPERSEDED") {
      this.#isOver = true;
      this.#parts.onEnd("superseded");
      return;
    }
    if (this.#isDraining && this.held.size === 0) {
      this.#isOver = true;
      this.#parts.onEnd("drained");
      return;
    }
    this.#parts.clock.setTimer(this.#parts.random.integer(50, 3_000), () => {
      this.#connect();
    });
  }

  #hear({ message }: MasterMessage): void {
    this.#heardAt = this.#parts.clock.monotonicMs();
    switch (message?.$case) {
      case "registered":
        this.#registered(message.value);
        return;
      case "assign":
        this.#assigned(message.value);
        return;
      case "settled":
        for (const { token } of message.value.settlements) this.#settled(token);
        return;
      case "refused":
        this.#say(failed(message.value.token, { kind: FailureKind.FAILURE_KIND_INVALID }));
        return;
      case "cancel":
        for (const token of message.value.tokens) this.#cancel(token);
        return;
      case "recall":
        this.#recall(message.value.tokens, message.value.reason);
        return;
      case "drain":
        this.drain();
        return;
      case "ping":
      case undefined:
        return;
    }
  }

  #registered({ session, pingIntervalMs, leaseTermMs, resumed, settled, lost }: Registered): void {
    this.#session = session;
    this.#isOpen = true;
    this.#through = 0;
    this.#pingMs = pingIntervalMs;
    this.#leaseTermMs = leaseTermMs;
    for (const { token } of settled) this.#settled(token);
    for (const token of lost) this.#cancel(token);
    // What was said before may not have been heard.
    for (const token of [...lost, ...resumed.map((one) => one.token)]) {
      const held = this.held.get(token);
      if (held?.result !== undefined) this.#say(held.result);
    }
    if (this.#parts.traits.capacity !== this.#registeredCapacity) this.resize();
    this.#credit();
    this.#startWhatFits();
    if (this.#isDraining) {
      this.#say({ $case: "draining", value: { withinMs: undefined, note: "" } });
      this.#leaveIfDone();
    }
  }

  #credit(): void {
    const { credit } = this.#parts.traits;
    const maxTasks = this.#isDraining ? 0 : credit;
    this.#say({ $case: "credit", value: { maxTasks, maxBytes: undefined } });
  }

  #assigned({ sequence, contexts, tasks }: Assign): void {
    const { random, clock, traits } = this.#parts;
    this.#through = sequence;
    for (const task of tasks) {
      const context = contexts[task.context];
      if (context !== undefined) this.#take(task, context);
    }
    // Now and then a worker is slow to say that it has them.
    if (!random.chance(traits.deafChance)) {
      this.#say({ $case: "received", value: { throughSequence: sequence } });
    }
    if (this.#isDraining) {
      this.#giveBack(
        "drained",
        this.held.all.filter(({ state }) => state === "received"),
      );
      return;
    }
    clock.setTimer(random.exponential(5), () => {
      this.#startWhatFits();
    });
  }

  #take(task: AssignedTask, context: Assign["contexts"][number]): void {
    this.#order += 1;
    this.held.add({
      token: task.token,
      lease: decodeToken(task.token)?.lease ?? 0,
      namespace: context.namespace,
      attempt: task.attempt,
      plan: planOf(task.payload.toString("latin1")),
      partitions: context.partitions,
      demand: context.demand,
      timeoutMs: context.attemptTimeoutMs ?? 0,
      order: this.#order,
      ahead: task.ahead,
      state: "received",
      isCancelled: false,
      result: undefined,
    });
  }

  /** Fit ones at once; those ahead, oldest first, as far as there is room, by the rule of the master. */
  #startWhatFits(): void {
    const started: Buffer[] = [];
    for (const held of this.held.all) {
      if (held.state !== "received" || held.isCancelled) continue;
      if (held.ahead && !this.#hasRoomFor(held)) break;
      held.state = "started";
      started.push(held.token);
      this.#run(held);
    }
    if (started.length > 0) this.#say({ $case: "started", value: { tokens: started } });
  }

  #hasRoomFor({ demand }: HeldLease): boolean {
    return demand.every(({ name, milli }) => {
      let used = milli;
      for (const other of this.held.all) {
        if (other.state !== "started") continue;
        for (const part of other.demand) if (part.name === name) used += part.milli;
      }
      const has = this.#parts.traits.capacity.find((one) => one.name === name)?.milli ?? 0n;
      return used <= has;
    });
  }

  #run(held: HeldLease): void {
    const { clock, random } = this.#parts;
    const { behaviour, runMs } = held.plan;
    const { timeoutMs } = held;
    if (behaviour === "hang" && timeoutMs > 0) {
      // Some workers see to the time-out of an attempt themselves, the others leave it to the master.
      if (!random.chance(0.5)) return;
      clock.setTimer(timeoutMs, () => {
        this.#end(
          held,
          failed(held.token, { kind: FailureKind.FAILURE_KIND_TIMEOUT, type: "Late" }),
        );
      });
      return;
    }
    clock.setTimer(runMs / 2, () => {
      if (!this.held.has(held) || !random.chance(0.1)) return;
      this.#say({
        $case: "progress",
        value: {
          token: held.token,
          fraction: random.between(0, 1),
          note: "half way",
          checkpoint: random.chance(0.3) ? Buffer.from(`checkpoint of ${held.lease}`) : undefined,
        },
      });
    });
    clock.setTimer(runMs, () => {
      this.#finish(held);
    });
  }

  #finish(held: HeldLease): void {
    if (!this.held.has(held) || held.state !== "started") return;
    const { random, onEnd } = this.#parts;
    const { behaviour } = held.plan;
    switch (behaviour) {
      case "ok":
      case "outputs":
      case "hang":
        this.#end(held, completed(held));
        return;
      case "flaky":
        this.#end(held, held.attempt > 1 ? completed(held) : this.#failure(held, {}));
        return;
      case "bad":
        this.#end(held, this.#failure(held, {}));
        return;
      case "fatal":
        this.#end(
          held,
          this.#failure(held, random.chance(0.5) ? { type: "Fatal" } : { retryable: false }),
        );
        return;
      case "oom":
        this.#end(held, this.#failure(held, { kind: FailureKind.FAILURE_KIND_OUT_OF_MEMORY }));
        return;
      case "returned":
        if (random.chance(0.5)) this.#end(held, completed(held));
        else this.#end(held, returned(random.pick(["drained", "over_delivered"]), [held.token]));
        return;
      case "poison":
        this.#isOver = true;
        onEnd("poison");
    }
  }

  #failure(held: HeldLease, more: Parameters<typeof failureOf>[0]): Says {
    const { random } = this.#parts;
    const retryInMs = random.chance(0.1) ? random.integer(0, 5_000) : undefined;
    const stack = random.chance(0.1) ? "at somewhere\n".repeat(200) : "";
    return failed(held.token, { ...more, retryInMs, stack });
  }

  /** There is a result: it is sent, and kept until it is settled. */
  #end(held: HeldLease, result: Says): void {
    if (!this.held.has(held) || held.state === "result_pending") return;
    const { network, random, traits } = this.#parts;
    held.state = "result_pending";
    held.result = result;
    if (result.$case === "failed" && random.chance(traits.unaryChance)) {
      network.call(
        this.peer,
        methods.reportFailure,
        { namespace: held.namespace, token: held.token, failure: result.value.failure },
        (answer) => {
          if (answer !== undefined) this.#settled(held.token);
          // Nobody knows whether it was heard: said again on the stream.
          else if (this.held.has(held)) this.#say(result);
        },
      );
    } else {
      this.#say(result);
      if (random.chance(traits.twiceChance)) this.#say(result);
    }
    this.#startWhatFits();
  }

  #settled(token: Uint8Array): void {
    this.held.delete(token);
    this.#startWhatFits();
    this.#leaveIfDone();
  }

  /** The master has taken it away: it is ended one way or another, for its room. */
  #cancel(token: Buffer): void {
    const held = this.held.get(token);
    if (held === undefined || held.isCancelled) return;
    held.isCancelled = true;
    const { clock, random } = this.#parts;
    clock.setTimer(random.exponential(20), () => {
      if (!this.held.has(held)) return;
      if (held.state === "result_pending" && held.result !== undefined) {
        this.#say(held.result);
        return;
      }
      const how = random.below(3);
      const kind = FailureKind.FAILURE_KIND_CANCELLED;
      if (how === 0) this.#end(held, failed(token, { kind }));
      else if (how === 1) this.#end(held, returned("cancelled", [token]));
      else this.#end(held, completed(held));
    });
  }

  #recall(tokens: readonly Buffer[], reason: RecallReason): void {
    const back = tokens.flatMap((token) => this.held.get(token) ?? []);
    const isLost = reason === RecallReason.RECALL_REASON_NOT_RECEIVED;
    this.#giveBack(
      "recalled",
      back.filter(({ state }) => state === "received"),
    );
    // What has started of it is no longer this worker's.
    if (isLost) for (const { token, state } of back) if (state !== "received") this.#cancel(token);
  }

  #giveBack(reason: "recalled" | "drained", leases: readonly HeldLease[]): void {
    for (const held of leases) this.#end(held, returned(reason, [held.token]));
  }

  #leaveIfDone(): void {
    if (!this.#isDraining || this.held.size > 0 || !this.#isOpen) return;
    this.#flush();
    this.#stream?.halfClose();
  }

  /** Pings with all that is held, looks whether the master is heard, and connects again. */
  #tick(): void {
    const { clock, traits, random } = this.#parts;
    clock.setTimer(this.#pingMs, () => {
      if (this.#isOver) return;
      const isSilent = clock.monotonicMs() - this.#heardAt > silenceMs;
      if (this.#stream !== undefined && isSilent) {
        this.#stream.abandon(random.integer(0, 60_000));
        this.#lostStream(undefined);
      } else if (this.#isOpen && !random.chance(traits.deafChance)) {
        const held = heldList(this.held.all, this.#through, this.#session);
        this.#renewedAt = clock.monotonicMs();
        this.#say({ $case: "ping", value: { held, load: undefined, echoSequence: 0 } });
        this.#flush();
        if (random.chance(0.02)) this.#credit();
      }
      this.#tick();
    });
  }

  /** Some renew beside their stream too. */
  #beat(): void {
    const { clock, traits, network, incarnation } = this.#parts;
    if (!traits.beatsBeside) return;
    clock.setTimer(this.#leaseTermMs / 3, () => {
      if (this.#isOver) return;
      const tokens = this.held.all.map(({ token }) => token);
      const { namespaces, id: workerId } = traits;
      const request = {
        namespaces: [...namespaces],
        workerId,
        incarnation,
        tokens,
        load: undefined,
      };
      network.call(this.peer, methods.heartbeat, request, (answer) => {
        for (const { tokens: lost } of answer?.cancels ?? []) {
          for (const token of lost) this.#cancel(token);
        }
        for (const { token } of answer?.settlements ?? []) this.#settled(token);
      });
      this.#beat();
    });
  }

  #say(says: Says): void {
    if (!this.#isOpen) return;
    this.#unsaid.push(says);
    const { clock, traits } = this.#parts;
    if (traits.gathersMs === 0) this.#flush();
    else if (this.#unsaid.length === 1) {
      clock.setTimer(traits.gathersMs, () => {
        this.#flush();
      });
    }
  }

  #flush(): void {
    const says = this.#unsaid;
    this.#unsaid = [];
    if (this.#isOpen && says.length > 0) this.#send(says);
  }

  #send(says: readonly Says[]): void {
    this.#stream?.send(says.map((message) => WorkerMessage.fromPartial({ message })));
  }
}
