import { FailureKind } from "@capstan/proto/capstan/v1/failure.js";
import { HeldState, Register, WorkerMessage } from "@capstan/proto/capstan/v1/session.js";
import type { Gate } from "../gates.js";
import { methods } from "../network/methods.js";
import type { Network } from "../network/network.js";
import { Line, type Peer } from "../network/peer.js";
import type { WorkerStream } from "../network/worker-stream.js";
import type { ProcessClock } from "../process-clock.js";
import type { Random } from "../random.js";
import type { Says } from "./held-lease.js";
import { failed, failureOf, returned } from "./says.js";
import { capacityOf, namespaces, taskTypes } from "./worker-traits.js";

/**
 * A worker that lies: it makes tokens up, changes a bit of those that it was given, says what is too large and
 * what makes no sense, and never does any work. Nothing of it may change anything but its own leases.
 */
export class Liar {
  readonly #random: Random;
  readonly #network: Network;
  readonly #gate: (gate: Gate) => void;
  readonly #peer: Peer;
  readonly #id: string;
  #stream: WorkerStream | undefined;
  #isOpen = false;
  #isOver = false;
  #seen: Buffer[] = [];

  constructor(parts: {
    readonly no: number;
    readonly random: Random;
    readonly network: Network;
    readonly newClock: () => ProcessClock;
    readonly gate: (gate: Gate) => void;
  }) {
    this.#random = parts.random;
    this.#network = parts.network;
    this.#gate = parts.gate;
    this.#id = `liar-${parts.no}`;
    this.#peer = { name: this.#id, clock: parts.newClock(), line: new Line() };
    this.#peer.clock.soon(() => {
      this.#connect();
      this.#go();
    });
  }

  stop(): void {
    this.#isOver = true;
    this.#peer.clock.die();
    this.#stream?.abandon(0);
  }

  #connect(): void {
    this.#isOpen = false;
    const stream = this.#network.openStream(this.#peer, {
      message: ({ message }) => {
        if (message?.$case === "registered") this.#isOpen = true;
        if (message?.$case === "assign") {
          for (const { token } of message.value.tasks) this.#seen.push(token);
          this.#seen = this.#seen.slice(-20);
        }
        if (message?.$case === "refused") this.#gate("a report of a liar was refused");
      },
      end: () => {
        if (this.#stream === stream) this.#stream = undefined;
      },
    });
    this.#stream = stream;
    const held = Array.from({ length: this.#random.below(4) }, () => this.#token());
    const value = Register.fromPartial({
      protocolVersion: 1,
      workerId: this.#id,
      incarnation: `life-${this.#random.below(3)}`,
      namespaces: [...namespaces],
      resources: capacityOf(this.#random.integer(0, 2), 0),
      taskTypes: [...taskTypes],
      held: {
        throughSequence: this.#random.below(1_000),
        held: held.map((token) => ({ token, state: HeldState.HELD_STATE_STARTED, demand: 0 })),
        demands: [{ resources: capacityOf(1, 0) }],
      },
    });
    this.#send({ $case: "register", value });
  }

  #go(): void {
    this.#peer.clock.setTimer(this.#random.exponential(20_000), () => {
      if (this.#isOver) return;
      if (this.#stream === undefined) this.#connect();
      else if (this.#isOpen) this.#lie();
      this.#go();
    });
  }

  /** A token that was never given out, of this form or of none, or one that was. */
  #token(): Buffer {
    const random = this.#random;
    const seen = this.#seen.length > 0 ? random.pick(this.#seen) : undefined;
    if (seen !== undefined && random.chance(0.3)) return seen;
    const bytes = Buffer.from(seen ?? Buffer.alloc(32));
    if (seen === undefined) {
      bytes.writeUInt32BE(1, 0);
      bytes.writeUInt32BE(random.integer(1, 2_000), 8);
      bytes.writeUInt32BE(random.below(300), 12);
      bytes.writeUInt32BE(random.below(2_000), 16);
      bytes.writeUInt32BE(random.integer(1, 3), 20);
      return bytes;
    }
    const at = random.below(32);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    return bytes;
  }

  #lie(): void {
    const random = this.#random;
    const token = this.#token();
    switch (random.below(11)) {
      case 0:
        return this.#send(this.#result(token, [0]));
      case 1:
        return this.#send(this.#result(token, [0, 0]));
      case 2:
        return this.#send(this.#result(token, [4_095, 7]));
      case 3:
        return this.#send(this.#result(token, [0], 300_000));
      case 4:
        return this.#send(failed(token, { kind: FailureKind.FAILURE_KIND_WORKER_LOST }));
      case 5:
        return this.#send(failed(token, { message: "x".repeat(200_000) }));
      case 6:
        return this.#send(returned("drained", [token, token, Buffer.alloc(3)]));
      case 7:
        return this.#send({ $case: "started", value: { tokens: [token] } });
      case 8:
        return this.#send({ $case: "received", value: { throughSequence: 4_000_000 } });
      case 9:
        this.#network.call(
          this.#peer,
          methods.reportFailure,
          { namespace: random.pick(namespaces), token, failure: failureOf({}) },
          () => undefined,
        );
        return;
      default:
        return this.#send({
          $case: "credit",
          value: {
            maxTasks: random.pick([0, 3, 1_000_000]),
            maxBytes: random.pick([0, undefined]),
          },
        });
    }
  }

  #result(token: Buffer, partitions: readonly number[], bytes = 3): Says {
    const outputs = partitions.map((partition) => ({
      partition,
      value: { $case: "inline" as const, value: Buffer.alloc(bytes, "x") },
    }));
    const value = { token, outputs, recordCount: undefined, failedRecords: [] };
    return { $case: "completed", value };
  }

  #send(...says: Says[]): void {
    this.#stream?.send(says.map((message) => WorkerMessage.fromPartial({ message })));
  }
}
