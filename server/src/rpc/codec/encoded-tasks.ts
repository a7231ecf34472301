import { TaskSpec } from "@capstan/proto/capstan/v1/job.js";
import { payloadHeaderBytes } from "./body.js";

// TaskSpec.payload = 1.
const payloadTag = (1 << 3) | 2;

/**
 * Where tasks lie in their request, for all its stages and jobs together: pairs of numbers in one array,
 * because what waits for its turn is walked by the garbage collector, object by object.
 */
export class TaskBounds {
  #bounds = new Int32Array(4);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** One more, at [start, stop). */
  push(start: number, stop: number): void {
    const at = 2 * this.#count;
    if (at === this.#bounds.length) this.#bounds = larger(this.#bounds, 64);
    this.#bounds[at] = start;
    this.#bounds[at + 1] = stop;
    this.#count += 1;
  }

  start(i: number): number {
    return this.#bounds[2 * i] as number;
  }

  stop(i: number): number {
    return this.#bounds[2 * i + 1] as number;
  }
}

/** The numbers with room for as many more. @param least how much room there is in all, at the least */
export function larger(numbers: Int32Array, least: number): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(Math.max(least, 2 * numbers.length));
  copy.set(numbers);
  return copy;
}

/**
 * The tasks of one stage as they came: where each lies in its request. Where there are many, nearly all
 * are a payload and nothing else, and those are never made into objects.
 */
export class EncodedTasks {
  /** Of the whole request. No Buffer: views of those cost twice as much. */
  readonly bytes: Uint8Array;
  readonly count: number;
  readonly #bounds: TaskBounds;
  readonly #from: number;

  /** Tasks [from, to) of the request. */
  constructor(bytes: Uint8Array, bounds: TaskBounds, from: number, to: number) {
    this.bytes = bytes;
    this.count = to - from;
    this.#bounds = bounds;
    this.#from = from;
  }

  start(i: number): number {
    return this.#bounds.start(this.#from + i);
  }

  stop(i: number): number {
    return this.#bounds.stop(this.#from + i);
  }

  /**
   * Where the payload of a task begins that is a payload and nothing else; it ends where the task does.
   * An empty task is an empty payload.
   *
   * @returns -1 when the task says anything more, or says it in another form than encoders write
   */
  payloadStart(i: number): number {
    const { bytes } = this;
    const start = this.start(i);
    const stop = this.stop(i);
    if (start === stop) return start;
    if (bytes[start] !== payloadTag) return -1;
    let at = start + 1;
    let length = 0;
    let byte = 0x80;
    for (let shift = 0; byte > 0x7f && at < stop && shift < 28; shift += 7) {
      byte = bytes[at++] as number;
      length |= (byte & 0x7f) << shift;
    }
    const isPlain = byte <= 0x7f && at + length === stop;
    return isPlain && at - start === payloadHeaderBytes(length) ? at : -1;
  }

  /** The task as a message. @throws Error when its bytes are none */
  message(i: number): TaskSpec {
    return TaskSpec.decode(this.bytes.subarray(this.start(i), this.stop(i)));
  }
}

/** The same bytes, of which a view costs half as much as one of a Buffer. */
export function plainView({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
