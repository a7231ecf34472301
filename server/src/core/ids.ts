/**
 * Identities. Outside, a job is a string that nobody can guess; inside, everything is a dense
 * number, so that a million tasks are columns of typed arrays and not a million objects.
 */

/** Public id of a job: `job_` and 26 Crockford base-32 characters. */
export type JobId = string;
/** Dense number of a job, from 0, in the order of submission; never reused. */
export type JobNo = number;
/** Dense number of a stage, from 0, over all jobs; never reused. */
export type StageNo = number;
/** Dense number of a task, from 0, over all jobs; never reused. */
export type TaskNo = number;
/** Dense number of a worker id, from 0; a worker that comes back keeps its number. */
export type WorkerNo = number;
/** Sequence of a lease, from 1, strictly increasing over the whole journal. */
export type LeaseNo = number;
/** Key of bytes in the payload store, from 1; 0 means that there are none. */
export type BlobId = number;

/** Milliseconds on the journal's clock: never goes back, also over restarts. For intervals. */
export type JournalMs = number;
/** Milliseconds since the Unix epoch, as the master's wall clock had it. For dates alone. */
export type WallMs = number;
/** A length of time in milliseconds. */
export type DurationMs = number;

/**
 * A lease token, taken apart. On the wire it is 32 opaque bytes (`rpc/token.ts`). The draw keeps
 * a token from being guessed; the job and task let the master answer for a lease long gone.
 */
export interface LeaseToken {
  readonly epoch: number;
  readonly lease: LeaseNo;
  readonly job: JobNo;
  readonly task: TaskNo;
  readonly delivery: number;
  /** Two draws of 32 bits, as signed integers: those are never boxed. */
  readonly drawHigh: number;
  readonly drawLow: number;
}

/** Codes of the 32 letters. */
const crockford = Array.from("0123456789ABCDEFGHJKMNPQRSTVWXYZ", (letter) => letter.charCodeAt(0));

/** Codes of the id in the making, and one string of them: put together letter by letter it would be kept as a tree. */
const codes: number[] = [];

/** Of ten letters of time the last five, as bits. */
const lowTimeBits = 25;

/**
 * A sortable id: 48 bits of milliseconds, then 80 bits of draw, in Crockford base 32.
 *
 * Source of the layout: https://github.com/ulid/spec
 *
 * @param prefix what the id names, for example `job_`
 * @param wall milliseconds since the epoch, in [0, 2^48)
 * @param draw gives uniform integers in [0, 2^32)
 * @returns the prefix and 26 characters
 */
export function makeId(prefix: string, wall: WallMs, draw: () => number): string {
  codes.length = prefix.length + 26;
  let at = 0;
  for (; at < prefix.length; at++) codes[at] = prefix.charCodeAt(at);
  const ms = Math.max(0, Math.floor(wall));
  const high = Math.floor(ms / 2 ** lowTimeBits);
  at = putLetters(codes, at, high, 5);
  at = putLetters(codes, at, ms - high * 2 ** lowTimeBits, 5);
  for (let word = 0; word < 4; word++) at = putLetters(codes, at, draw(), 4);
  return String.fromCharCode.apply(undefined, codes);
}

/** Writes the low bits of a number, five for each letter. @returns where the next goes */
function putLetters(codes: number[], at: number, bits: number, count: number): number {
  let rest = bits >>> 0;
  for (let i = at + count - 1; i >= at; i--) {
    codes[i] = crockford[rest & 31] as number;
    rest >>>= 5;
  }
  return at + count;
}
