import type { AssignmentView, LeaseNo } from "../../core/index.js";
import type { SessionNotice } from "../../engine/engine-port.js";

/** What is told to a worker in the order in which it was decided. */
export type OrderedNotice = Exclude<SessionNotice, { kind: "superseded" }>;

/** Notices that wait to be written, oldest first, each with the time at which it came. */
export class NoticeQueue {
  #notices: (OrderedNotice | undefined)[] = [];
  #times: number[] = [];
  #at = 0;
  #assigns = 0;

  push(notice: OrderedNotice, now: number): void {
    this.#notices.push(notice);
    this.#times.push(now);
    if (notice.kind === "assign") this.#assigns += 1;
  }

  /** The oldest; undefined: there is none. */
  get first(): OrderedNotice | undefined {
    while (this.#at < this.#notices.length) {
      const notice = this.#notices[this.#at];
      if (notice !== undefined) return notice;
      this.#at += 1;
    }
    this.#clear();
    return undefined;
  }

  /** When the oldest came. */
  get firstAt(): number {
    return this.#times[this.#at] ?? 0;
  }

  shift(): void {
    if (this.#notices[this.#at]?.kind === "assign") this.#assigns -= 1;
    this.#notices[this.#at] = undefined;
    this.#at += 1;
    if (this.#at === this.#notices.length) this.#clear();
    else if (this.#at >= 1_024 && this.#at * 2 >= this.#notices.length) this.#compact();
  }

  /** Takes out the assignment of a lease that has not been written. @returns whether it was there */
  takeAssign(lease: LeaseNo): boolean {
    if (this.#assigns === 0) return false;
    const i = this.#notices.findIndex(
      (notice) => notice?.kind === "assign" && notice.lease === lease,
    );
    if (i === -1) return false;
    this.#notices[i] = undefined;
    this.#assigns -= 1;
    return true;
  }

  /** Takes out all assignments that have not been written. */
  takeAssigns(): readonly AssignmentView[] {
    const taken: AssignmentView[] = [];
    for (let i = this.#at; i < this.#notices.length; i++) {
      const notice = this.#notices[i];
      if (notice?.kind !== "assign") continue;
      taken.push(notice);
      this.#notices[i] = undefined;
    }
    this.#assigns = 0;
    return taken;
  }

  #compact(): void {
    this.#notices = this.#notices.slice(this.#at);
    this.#times = this.#times.slice(this.#at);
    this.#at = 0;
  }

  #clear(): void {
    this.#notices = [];
    this.#times = [];
    this.#at = 0;
  }
}
