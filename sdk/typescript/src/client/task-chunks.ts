import type { Codec } from "../codec.js";
import type { StageDefinition, TaskDefinition } from "../job-definition.js";
import { overheadBytes, putPrefix } from "../rpc/bytes.js";
import { encodeTask } from "./encode-job.js";

/** How much goes in one message. */
export interface ChunkLimits {
  /** Tasks. */
  readonly tasks: number;
  /** Bytes of tasks. */
  readonly bytes: number;
}

/** Some tasks of a stage, each encoded once. */
export class Chunk {
  /** The index of the first. */
  readonly firstIndex: number;
  readonly #tasks: readonly Uint8Array[];

  constructor(firstIndex: number, tasks: readonly Uint8Array[]) {
    this.firstIndex = firstIndex;
    this.#tasks = tasks;
  }

  /** How many. */
  get count(): number {
    return this.#tasks.length;
  }

  /** How large its tasks are as a repeated field. */
  get byteLength(): number {
    let bytes = 0;
    for (const { byteLength } of this.#tasks) bytes += overheadBytes(byteLength) + byteLength;
    return bytes;
  }

  /** The index after the last. */
  get nextIndex(): number {
    return this.firstIndex + this.#tasks.length;
  }

  /** What is left of it from an index on. */
  from(index: number): Chunk {
    if (index <= this.firstIndex) return this;
    return new Chunk(index, this.#tasks.slice(index - this.firstIndex));
  }

  /** Its tasks as a repeated field of that number. */
  fields(field: number): Uint8Array {
    const bytes = Buffer.allocUnsafe(this.byteLength);
    let at = 0;
    for (const task of this.#tasks) {
      at = putPrefix(bytes, at, field, task.byteLength);
      bytes.set(task, at);
      at += task.byteLength;
    }
    return bytes;
  }
}

/** Reads the tasks of a stage as they come and encodes each once. */
export class TaskChunks {
  readonly #codec: Codec;
  readonly #sync: Iterator<TaskDefinition> | undefined;
  readonly #async: AsyncIterator<TaskDefinition> | undefined;
  #next = 0;
  #ended = false;
  /** A task that was read and did not fit any more. */
  #left: Uint8Array | undefined;

  constructor(tasks: StageDefinition["tasks"], codec: Codec) {
    this.#codec = codec;
    if (Symbol.iterator in tasks) this.#sync = tasks[Symbol.iterator]();
    else this.#async = tasks[Symbol.asyncIterator]();
  }

  /** Whether all tasks have been read and given out. */
  get ended(): boolean {
    return this.#ended && this.#left === undefined;
  }

  /** The index that the next task gets; at the end, how many there are. */
  get nextIndex(): number {
    return this.#next;
  }

  /**
   * The next tasks, as many as fit, and at least one if there is one left. A promise only where the tasks
   * come asynchronously.
   */
  read(limits: ChunkLimits): Chunk | Promise<Chunk> {
    if (this.#async !== undefined) return this.#readAsync(this.#async, limits);
    const chunk = new ChunkBuilder(this.#next);
    while (this.#takeLeft(chunk, limits)) {
      const { done, value } = (this.#sync as Iterator<TaskDefinition, undefined>).next();
      if (done === true) this.#ended = true;
      else this.#left = encodeTask(value, this.#codec);
    }
    return this.#give(chunk);
  }

  /** Tells the source of the tasks that no more will be read. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#sync?.return?.();
    await this.#async?.return?.();
  }

  async #readAsync(tasks: AsyncIterator<TaskDefinition>, limits: ChunkLimits): Promise<Chunk> {
    const chunk = new ChunkBuilder(this.#next);
    while (this.#takeLeft(chunk, limits)) {
      const next = await tasks.next();
      if (next.done === true) this.#ended = true;
      else this.#left = encodeTask(next.value, this.#codec);
    }
    return this.#give(chunk);
  }

  /** @returns whether another task is to be read */
  #takeLeft(chunk: ChunkBuilder, limits: ChunkLimits): boolean {
    if (this.#left !== undefined) {
      if (!chunk.add(this.#left, limits)) return false;
      this.#left = undefined;
    }
    return !this.#ended;
  }

  #give(chunk: ChunkBuilder): Chunk {
    this.#next += chunk.count;
    return chunk.finish();
  }
}

class ChunkBuilder {
  readonly #firstIndex: number;
  readonly #tasks: Uint8Array[] = [];
  #bytes = 0;

  constructor(firstIndex: number) {
    this.#firstIndex = firstIndex;
  }

  get count(): number {
    return this.#tasks.length;
  }

  /** @returns whether it fitted; the first of a chunk does whatever its size */
  add(task: Uint8Array, limits: ChunkLimits): boolean {
    const bytes = overheadBytes(task.byteLength) + task.byteLength;
    if (this.count >= limits.tasks) return false;
    if (this.count > 0 && this.#bytes + bytes > limits.bytes) return false;
    this.#tasks.push(task);
    this.#bytes += bytes;
    return true;
  }

  finish(): Chunk {
    return new Chunk(this.#firstIndex, this.#tasks);
  }
}
