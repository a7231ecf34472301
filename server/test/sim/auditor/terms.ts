import type { Verdict } from "./verdict.js";

/** Of a stall so much is not given back: the engine counts the first 250 ms as ordinary, and beats each 100. */
const ordinaryMs = 400;
/** An entry bears the time of its first decision; others may come a little later. */
const slackMs = 300;

interface Span {
  readonly from: number;
  readonly to: number;
}

/** When each lease was renewed last, and how long the master and its journal stood still. */
export class Terms {
  readonly #renewals = new Map<number, number[]>();
  readonly #heard = new Map<string, number[]>();
  #stalls: Span[] = [];
  #startedAt = 0;
  #originMs = 0;

  constructor(readonly leaseTermMs: number) {}

  /** A master begins: every lease has a fresh term. @param originMs what its journal's clock begins at */
  begin(at: number, originMs: number): void {
    this.#startedAt = at;
    this.#originMs = originMs;
    this.#stalls = [];
  }

  /** Virtual time of a time in the journal. */
  virtual(journalMs: number): number {
    return journalMs - this.#originMs + this.#startedAt;
  }

  renew(lease: number, at: number): void {
    push(this.#renewals, lease, at);
  }

  hear(workerId: string, at: number): void {
    push(this.#heard, workerId, at);
  }

  stall(from: number, to: number): void {
    this.#stalls.push({ from, to });
  }

  /** A lease ran out at a time of the journal. */
  checkExpiry(verdict: Verdict, what: string, lease: number, grantedAt: number, endedAt: number) {
    const at = this.virtual(endedAt);
    const since = Math.max(
      this.#startedAt,
      this.virtual(grantedAt),
      latest(this.#renewals.get(lease), at),
    );
    this.#check(verdict, `${what} ran out`, since, at);
  }

  /** A worker was given up at a time of the journal. */
  checkLoss(verdict: Verdict, workerId: string, endedAt: number): void {
    const at = this.virtual(endedAt);
    const since = Math.max(this.#startedAt, latest(this.#heard.get(workerId), at));
    this.#check(verdict, `worker ${workerId} was given up`, since, at);
  }

  #check(verdict: Verdict, what: string, since: number, at: number): void {
    const had = at - since - this.#givenBack(since, at);
    verdict.check(
      had + slackMs >= this.leaseTermMs,
      () =>
        `${what} after ${Math.round(had)} ms of a term of ${this.leaseTermMs} ` +
        `(last word at ${Math.round(since)}, ended at ${Math.round(at)})`,
    );
  }

  /** How much of a stretch of time the master must have given back at least. */
  #givenBack(from: number, to: number): number {
    let given = 0;
    let end = -Infinity;
    let longest = 0;
    // Those of the journal are known when they end, those of the loop when they begin.
    const stalls = [...this.#stalls].sort((a, b) => a.from - b.from);
    for (const stall of stalls) {
      const start = Math.max(stall.from, from);
      const length = Math.min(stall.to, to) - start;
      if (length <= 0) continue;
      if (start >= end) {
        given += Math.max(0, longest - ordinaryMs);
        longest = 0;
      }
      // Those at the same time are one.
      longest = Math.max(longest, length);
      end = Math.max(end, stall.to);
    }
    return given + Math.max(0, longest - ordinaryMs);
  }
}

function push<K>(map: Map<K, number[]>, key: K, at: number): void {
  const row = map.get(key);
  if (row === undefined) map.set(key, [at]);
  else row.push(at);
  if (row !== undefined && row.length > 64) row.splice(0, 32);
}

function latest(times: readonly number[] | undefined, before: number): number {
  for (let i = (times?.length ?? 0) - 1; i >= 0; i--) {
    const time = times?.[i] as number;
    if (time <= before) return time;
  }
  return -Infinity;
}
