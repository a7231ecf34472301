import { encodeValue, type Codec } from "../codec.js";
import type { StageDefinition, TaskDefinition } from "../job-definition.js";
import { MessageWriter, overheadBytes } from "../rpc/message-writer.js";
import { encodeTask, isPlain } from "./encode-job.js";
import { checkTask } from "./job-fields.js";

/** How much goes in one message. */
export interface ChunkLimits {
  /** Tasks. */
  readonly tasks: number;
  /** Bytes of tasks. */
  readonly bytes: number;
}

// TaskSpec.payload = 1.
const payloadField = 1;
/** Stands where the key of a task goes, until it is known of which message it is a field. */
const anyField = 1;

/** Some tasks of a stage, each encoded once: a repeated field, of which the number is still open. */
export class Chunk {
  /** The index of the first. */
  readonly firstIndex: number;
  readonly #bytes: Uint8Array;
  /** Where the key of each task lies, and where the last task ends. */
  readonly #places: readonly number[];

  constructor(firstIndex: number, bytes: Uint8Array, places: readonly number[]) {
    this.firstIndex = firstIndex;
    this.#bytes = bytes;
    this.#places = places;
  }

  /** How many. */
  get count(): number {
    return this.#places.length - 1;
  }

  /** How large its tasks are as a repeated field. */
  get byteLength(): number {
    return this.#end - this.#start;
  }

  /** The index after the last. */
  get nextIndex(): number {
    return this.firstIndex + this.count;
  }

  /** What is left of it from an index on. */
  from(index: number): Chunk {
    if (index <= this.firstIndex) return this;
    if (index >= this.nextIndex) return new Chunk(this.nextIndex, this.#bytes, [this.#end]);
    return new Chunk(index, this.#bytes, this.#places.slice(index - this.firstIndex));
  }

  /** What lies before an index, which is behind its first. */
  upTo(index: number): Chunk {
    if (index >= this.nextIndex) return this;
    return new Chunk(
      this.firstIndex,
      this.#bytes,
      this.#places.slice(0, index - this.firstIndex + 1),
    );
  }

  /** Writes its tasks as a repeated field of that number. */
  write(writer: MessageWriter, field: number): void {
    const key = (field << 3) | 2;
    for (let i = 0; i < this.count; i++) this.#bytes[this.#places[i] as number] = key;
    writer.span(this.#bytes, this.#start, this.#end);
  }

  get #start(): number {
    return this.#places[0] as number;
  }

  get #end(): number {
    return this.#places[this.count] as number;
  }
}

/** When this much lies in one piece of memory, the next chunk begins another. Bytes. */
const arenaBytes = 256 * 1_024;

/** Memory for the tasks of many small jobs: a piece of its own for each would cost more than the tasks. */
export class Arena {
  #free: MessageWriter | undefined = new MessageWriter();

  /**
   * Where the next chunk is written, until it is given back. A source of tasks may submit another job while
   * it is read: that one is written elsewhere.
   */
  take(): MessageWriter {
    const writer = this.#free ?? new MessageWriter();
    this.#free = undefined;
    return writer.length > arenaBytes ? new MessageWriter(2 * arenaBytes) : writer;
  }

  giveBack(writer: MessageWriter): void {
    this.#free = writer;
  }
}

/** Reads the tasks of a stage as they come and encodes each once. */
export class TaskChunks {
  readonly #codec: Codec;
  readonly #arena: Arena;
  readonly #stage: number;
  readonly #sync: Iterator<TaskDefinition> | undefined;
  readonly #async: AsyncIterator<TaskDefinition> | undefined;
  #next = 0;
  #ended = false;
  /** A task that was read and did not fit any more. */
  #left: Uint8Array | undefined;

  /** @param stage the stage's place in the job, for messages */
  constructor(tasks: StageDefinition["tasks"], codec: Codec, arena: Arena, stage = 0) {
    this.#stage = stage;
    this.#codec = codec;
    this.#arena = arena;
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
    const writer = this.#arena.take();
    try {
      const chunk = new ChunkBuilder(this.#next, limits, writer);
      while (this.#takesMore(chunk)) {
        const { done, value } = (this.#sync as Iterator<TaskDefinition, undefined>).next();
        if (done === true) this.#ended = true;
        else this.#take(chunk, value);
      }
      return this.#give(chunk);
    } finally {
      this.#arena.giveBack(writer);
    }
  }

  /** Tells the source of the tasks that no more will be read. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#sync?.return?.();
    await this.#async?.return?.();
  }

  async #readAsync(tasks: AsyncIterator<TaskDefinition>, limits: ChunkLimits): Promise<Chunk> {
    // Memory of its own: others write into the arena while it waits for tasks.
    const chunk = new ChunkBuilder(this.#next, limits, new MessageWriter());
    while (this.#takesMore(chunk)) {
      const next = await tasks.next();
      if (next.done === true) this.#ended = true;
      else this.#take(chunk, next.value);
    }
    return this.#give(chunk);
  }

  /** @returns whether another task is to be read */
  #takesMore(chunk: ChunkBuilder): boolean {
    if (this.#left !== undefined) {
      if (!chunk.add(this.#left)) return false;
      this.#left = undefined;
    }
    return !this.#ended;
  }

  #take(chunk: ChunkBuilder, task: TaskDefinition): void {
    // A payload and nothing else, as most are where there are many: straight into place.
    if (isPlain(task) && chunk.addPayload(encodeValue(this.#codec, task.payload))) return;
    checkTask(task, () => `stages[${this.#stage}].tasks[${this.#next + chunk.count}]`);
    this.#left = encodeTask(task, this.#codec);
  }

  #give(chunk: ChunkBuilder): Chunk {
    this.#next += chunk.count;
    return chunk.finish();
  }
}

class ChunkBuilder {
  readonly #firstIndex: number;
  readonly #limits: ChunkLimits;
  readonly #writer: MessageWriter;
  readonly #places: number[];
  readonly #start: number;

  constructor(firstIndex: number, limits: ChunkLimits, writer: MessageWriter) {
    this.#firstIndex = firstIndex;
    this.#limits = limits;
    this.#writer = writer;
    this.#start = writer.length;
    this.#places = [writer.length];
  }

  get count(): number {
    return this.#places.length - 1;
  }

  /** @returns whether it fitted; the first of a chunk does whatever its size */
  add(task: Uint8Array): boolean {
    if (!this.#fits(overheadBytes(task.byteLength) + task.byteLength)) return false;
    this.#writer.field(anyField, task);
    this.#places.push(this.#writer.length);
    return true;
  }

  /** The same, for a task that is a payload and nothing else. */
  addPayload(payload: Uint8Array): boolean {
    const { byteLength } = payload;
    const taskBytes = byteLength === 0 ? 0 : overheadBytes(byteLength) + byteLength;
    if (!this.#fits(overheadBytes(taskBytes) + taskBytes)) return false;
    this.#writer.key(anyField, taskBytes);
    if (byteLength > 0) this.#writer.field(payloadField, payload);
    this.#places.push(this.#writer.length);
    return true;
  }

  finish(): Chunk {
    return new Chunk(this.#firstIndex, this.#writer.bytes, this.#places);
  }

  #fits(more: number): boolean {
    if (this.count >= this.#limits.tasks) return false;
    return this.count === 0 || this.#writer.length - this.#start + more <= this.#limits.bytes;
  }
}
