import { copyToken, tokenBytes, viewOf, type TokenPlace } from "./token.js";

/** How many leases a worker holds at most, as the contract limits credit and lists. */
export const maxHeld = 4_096;

const headerWords = 8;
const word = { pingedAtMs: 0, leaseTermMs: 1, highWater: 2 } as const;

/** Milliseconds of the machine's monotonic clock, the same in all threads, cut to 32 bits. */
export function sharedClockMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n) | 0;
}

/**
 * The tokens of the leases that a worker holds, in memory that it shares with its heartbeat thread: the
 * thread can read them while a handler blocks the worker's own. Writing one costs a copy of 32 bytes.
 *
 * A token may be read while its place is given to another. The thread then names a token that was settled
 * a moment ago, or bytes of two; the master does not know it, and says so to nobody's harm.
 */
export class TokenTable {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #used: Int32Array;
  readonly #tokens: DataView;
  readonly #free: number[] = [];

  constructor(memory?: SharedArrayBuffer) {
    const bytes = (headerWords + maxHeld) * 4 + maxHeld * tokenBytes;
    this.memory = memory ?? new SharedArrayBuffer(bytes);
    this.#words = new Int32Array(this.memory, 0, headerWords);
    this.#used = new Int32Array(this.memory, headerWords * 4, maxHeld);
    this.#tokens = new DataView(this.memory, (headerWords + maxHeld) * 4);
  }

  /** @returns the token's place; -1 when the table is full or it is no token */
  put(token: TokenPlace): number {
    if (token.length !== tokenBytes) return -1;
    const place = this.#free.pop() ?? this.#grow();
    if (place === -1) return -1;
    copyToken(token, this.#tokens, place * tokenBytes);
    Atomics.store(this.#used, place, 1);
    return place;
  }

  /** The lease has been settled. */
  clear(place: number): void {
    if (place === -1) return;
    Atomics.store(this.#used, place, 0);
    this.#free.push(place);
  }

  /** All tokens that are held: copies. */
  tokens(): Buffer[] {
    const tokens: Buffer[] = [];
    const highWater = Atomics.load(this.#words, word.highWater);
    for (let place = 0; place < highWater; place++) {
      if (Atomics.load(this.#used, place) === 0) continue;
      const token = Buffer.alloc(tokenBytes);
      const from = { view: this.#tokens, at: place * tokenBytes, length: tokenBytes };
      copyToken(from, viewOf(token), 0);
      tokens.push(token);
    }
    return tokens;
  }

  /** The worker's own thread has renewed all leases just now. */
  pinged(): void {
    Atomics.store(this.#words, word.pingedAtMs, sharedClockMs());
  }

  /** How long ago that was. Milliseconds. */
  sincePingMs(): number {
    return (sharedClockMs() - Atomics.load(this.#words, word.pingedAtMs)) | 0;
  }

  /** The term of a lease. Milliseconds; 0 until a session stood. */
  get leaseTermMs(): number {
    return Atomics.load(this.#words, word.leaseTermMs);
  }

  set leaseTermMs(termMs: number) {
    Atomics.store(this.#words, word.leaseTermMs, termMs);
  }

  #grow(): number {
    const place = Atomics.load(this.#words, word.highWater);
    if (place >= maxHeld) return -1;
    Atomics.store(this.#words, word.highWater, place + 1);
    return place;
  }
}
