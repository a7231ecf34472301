import type { WorkerMessage } from "@capstan/proto/capstan/v1/session.js";
import type { Resource } from "@capstan/proto/capstan/v1/common.js";
import type { TaskPlan } from "./task-plan.js";

export type Says = NonNullable<WorkerMessage["message"]>;

/** A lease in the hands of a worker's process. */
export interface HeldLease {
  readonly token: Buffer;
  /** Its number, for outputs that say whose they are. */
  readonly lease: number;
  readonly namespace: string;
  readonly attempt: number;
  readonly plan: TaskPlan;
  readonly partitions: number;
  readonly demand: readonly Resource[];
  readonly timeoutMs: number;
  /** The order in which it came. */
  readonly order: number;
  ahead: boolean;
  state: "received" | "started" | "result_pending";
  /** The master wants it no more: whatever ends it will do. */
  isCancelled: boolean;
  /** What ends it, once there is something. */
  result: Says | undefined;
}

export class HeldLeases {
  readonly #byToken = new Map<string, HeldLease>();

  get all(): readonly HeldLease[] {
    return [...this.#byToken.values()];
  }

  get size(): number {
    return this.#byToken.size;
  }

  get(token: Uint8Array): HeldLease | undefined {
    return this.#byToken.get(Buffer.from(token).toString("latin1"));
  }

  add(lease: HeldLease): void {
    this.#byToken.set(lease.token.toString("latin1"), lease);
  }

  delete(token: Uint8Array): void {
    this.#byToken.delete(Buffer.from(token).toString("latin1"));
  }

  has(lease: HeldLease): boolean {
    return this.get(lease.token) === lease;
  }
}
