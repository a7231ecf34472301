import { HeldState, type HeldLease, type HeldList } from "@capstan/proto/capstan/v1/session.js";
import type { Demand } from "./ledger.js";
import type { Lease } from "./lease.js";
import { isSameToken, tokenKey, viewOf } from "./token.js";
import { maxHeld, type TokenTable } from "./token-table.js";

/** The leases that a worker holds: from their assignment until the master confirms their end. */
export class LeaseBook {
  /** By key; those that share one hang on each other. */
  readonly #leases = new Map<number, Lease>();
  #size = 0;
  readonly #tokens: TokenTable;
  readonly #onEmpty: () => void;
  /** The last session from which anything was read. */
  session = "";
  /** The highest Assign.sequence read in it. */
  throughSequence = 0;

  /** @param onEmpty called when the last lease has been settled */
  constructor(tokens: TokenTable, onEmpty: () => void) {
    this.#tokens = tokens;
    this.#onEmpty = onEmpty;
  }

  get size(): number {
    return this.#size;
  }

  /** The lease of a token. */
  get(token: Uint8Array): Lease | undefined {
    const view = viewOf(token);
    return this.find(tokenKey(view, 0, token.length), view, 0, token.length);
  }

  /** The same, of a token of that key that lies at [at, at + length). */
  find(key: number, view: DataView, at: number, length: number): Lease | undefined {
    let lease = this.#leases.get(key);
    while (lease !== undefined && !isSameToken(lease.task, view, at, length)) lease = lease.sameKey;
    return lease;
  }

  *values(): Generator<Lease> {
    for (const first of this.#leases.values()) {
      for (let lease: Lease | undefined = first; lease !== undefined; lease = lease.sameKey) {
        yield lease;
      }
    }
  }

  add(lease: Lease): void {
    lease.sameKey = this.#leases.get(lease.key);
    this.#leases.set(lease.key, lease);
    this.#size += 1;
    lease.place = this.#tokens.put(lease.task);
  }

  /** The lease has ended and the master knows. */
  remove(lease: Lease): void {
    if (!this.#unhook(lease)) return;
    this.#size -= 1;
    this.#tokens.clear(lease.place);
    lease.place = -1;
    if (this.#size === 0) this.#onEmpty();
  }

  /** What is held, for Register: with the session and the demands, each once. */
  listForRegister(): HeldList {
    const places = new Map<Demand, number>();
    const held = this.#list((lease) => {
      const place = places.get(lease.demand) ?? places.size;
      places.set(lease.demand, place);
      if (lease.state === "running") lease.startedSent = true;
      return place;
    });
    const demands = [...places.keys()].map(({ resources }) => ({ resources: [...resources] }));
    return { throughSequence: this.throughSequence, held, session: this.session, demands };
  }

  /** What is held, for a ping. */
  listForPing(): HeldList {
    const held = this.#list(() => 0);
    return { throughSequence: this.throughSequence, held, session: "", demands: [] };
  }

  #list(demand: (lease: Lease) => number): HeldLease[] {
    const held: HeldLease[] = [];
    for (const lease of this.values()) {
      if (held.length === maxHeld) break;
      held.push({ token: lease.token, state: heldStateOf(lease), demand: demand(lease) });
    }
    return held;
  }

  /** @returns whether it was there */
  #unhook(gone: Lease): boolean {
    const { key, sameKey } = gone;
    let lease = this.#leases.get(key);
    if (lease === gone) {
      if (sameKey === undefined) this.#leases.delete(key);
      else this.#leases.set(key, sameKey);
      return true;
    }
    while (lease !== undefined && lease.sameKey !== gone) lease = lease.sameKey;
    if (lease === undefined) return false;
    lease.sameKey = sameKey;
    return true;
  }
}

function heldStateOf(lease: Lease): HeldState {
  switch (lease.state) {
    case "waiting":
      return HeldState.HELD_STATE_RECEIVED;
    case "running":
      return HeldState.HELD_STATE_STARTED;
    case "reported":
    case "settled":
      return HeldState.HELD_STATE_RESULT_PENDING;
  }
}
