import { randomBytes } from "node:crypto";
import type { TraceContext } from "@capstan/proto/capstan/v1/common.js";
import { TraceContext as TraceContexts } from "@capstan/proto/capstan/v1/common.js";
import { JobState } from "@capstan/proto/capstan/v1/job.js";
import type { SubmitJobResponse } from "@capstan/proto/capstan/v1/master_service.js";
import { invalidOption } from "../call-error.js";
import type { Codec } from "../codec.js";
import { CapstanError } from "../errors.js";
import type { JobDefinition, StageDefinition } from "../job-definition.js";
import type { Connection } from "../rpc/connection.js";
import { MessageWriter } from "../rpc/message-writer.js";
import { appendTasks, cancelJob, sealJob, submitJob } from "../rpc/methods.js";
import { encodeJobHead, encodeStageHead } from "./encode-job.js";
import { checkJob } from "./job-fields.js";
import { inTermsOfJob } from "./part-error.js";
import { TaskChunks, type Arena, type Chunk, type ChunkLimits } from "./task-chunks.js";

/** What one SubmitJob or AppendTasks carries at most, with room for what stands around the tasks. */
const messageLimits: ChunkLimits = { tasks: 4_096, bytes: 440 * 1_024 };

/** Tasks of a part of a stage at most: what a master takes in a few milliseconds, whoever else it serves. */
const partTasks = 2_048;

/**
 * Tasks of the first parts of a stage. A master that has just started runs such code for the first time, some
 * ten times slower than the next: a whole message of tasks would hold up for that long whoever else it serves.
 */
const firstParts: readonly number[] = [128, 384, 512, 1_024];

/** How many AppendTasks are under way at once: the next is encoded and sent while one is written. */
const appendsInFlight = 4;

/** Field numbers of the contract. */
const field = {
  nameOfJob: 1,
  stageOfJob: 2,
  nameOfStage: 1,
  typeOfStage: 2,
  taskOfStage: 7,
} as const;
const ofAppend = { namespace: 1, jobId: 2, stage: 3, firstIndex: 4, tasks: 5 } as const;

/** What stands around a job: those of SubmitJobItem, and those of SubmitJobRequest, which count from 2. */
export const envelopes = {
  item: { key: 1, job: 2, moreToUpload: 3, trace: 4 },
  request: { key: 2, job: 3, moreToUpload: 4, trace: 5 },
} as const;
const namespaceOfRequest = 1;

/** A key that nobody else draws: 24 characters. */
function drawKey(): string {
  drawn = (drawn + 1) % Number.MAX_SAFE_INTEGER;
  return `${processKey}-${drawn.toString(36)}`;
}

const processKey = randomBytes(15).toString("base64url");
let drawn = 0;

interface StageUpload {
  /** As it was given, perhaps not at all. */
  readonly ownName: string;
  readonly taskType: string;
  /** What the stage says beside name, type and tasks. */
  readonly head: Uint8Array | undefined;
  readonly tasks: TaskChunks;
  /** What was read to see whether the job fits in one message. */
  first: Chunk | undefined;
}

/** What all uploads of a client share. */
export interface UploadParts {
  readonly namespace: string;
  readonly codec: Codec;
  readonly arena: Arena;
}

/** One job on its way to the master: whole in one message if it fits, else in parts. */
export class JobUpload {
  readonly namespace: string;
  readonly key: string;
  readonly #keyIsDrawn: boolean;
  readonly #name: string;
  /** What the job says beside its name and stages. */
  readonly #head: Uint8Array | undefined;
  readonly #stages: readonly StageUpload[];
  /** An upper bound. */
  #bytes: number;
  #tasks = 0;

  /**
   * @param key the caller's idempotency key; without one a key is drawn, so that retries are safe
   * @throws InvalidArgumentError for a field that is not known; RangeError for a definition that cannot be written down
   */
  constructor(
    job: JobDefinition,
    { namespace, codec, arena }: UploadParts,
    key: string | undefined,
  ) {
    checkJob(job);
    if (key === "") {
      throw invalidOption(
        "idempotencyKey",
        "idempotencyKey is empty: leave it out where there is none",
      );
    }
    this.namespace = namespace;
    this.key = key ?? drawKey();
    this.#keyIsDrawn = key === undefined;
    this.#name = job.name;
    this.#head = encodeJobHead(job);
    this.#bytes = 3 * job.name.length + (this.#head?.byteLength ?? 0);
    this.#stages = job.stages.map((stage, place) => this.#stageOf(stage, place, codec, arena));
  }

  #stageOf(stage: StageDefinition, place: number, codec: Codec, arena: Arena): StageUpload {
    const { name: ownName = "", taskType = "" } = stage;
    const head = encodeStageHead(stage);
    this.#bytes += 3 * (ownName.length + taskType.length) + (head?.byteLength ?? 0) + 16;
    const tasks = new TaskChunks(stage.tasks, codec, arena, place);
    return { ownName, taskType, head, tasks, first: undefined };
  }

  /** How large the job's only message is at the most, when it fits in one. Bytes. */
  get byteLength(): number {
    return this.#bytes;
  }

  /** How many tasks it has, when it fits in one message. */
  get taskCount(): number {
    return this.#tasks;
  }

  /** Reads tasks until it is clear whether the job fits in one message. A promise where tasks come so. */
  fitsOneMessage(): boolean | Promise<boolean> {
    for (const [place, stage] of this.#stages.entries()) {
      const chunk = stage.tasks.read(this.#room());
      if (chunk instanceof Promise) return this.#restFits(place, chunk);
      if (!this.#count(stage, chunk)) return false;
    }
    return true;
  }

  /** The request of a job that fits in one message. */
  wholeRequest(traceContext: TraceContext | undefined): Uint8Array {
    return this.#request({ isWhole: true, traceContext });
  }

  /** Writes the same as an item of a bulk request. */
  writeItem(writer: MessageWriter, traceContext: TraceContext | undefined): void {
    this.#write(writer, envelopes.item, { isWhole: true, traceContext });
  }

  /**
   * Uploads the job in parts and seals it; goes on where an earlier upload under the same key stopped. A job
   * that the key had submitted before is given back as it is.
   */
  async uploadInParts(
    connection: Connection,
    traceContext: TraceContext | undefined,
    signal: AbortSignal | undefined,
  ): Promise<SubmitJobResponse> {
    const request = this.#request({ isWhole: false, traceContext });
    const response = await connection.unary(submitJob, request, signal);
    if (response.state !== JobState.JOB_STATE_UPLOADING) return response;
    try {
      return { ...response, ...(await this.#uploadRest(connection, response, signal)) };
    } catch (error) {
      await this.#abandon(connection, response.jobId, error);
      throw error;
    }
  }

  /** Tells the sources of tasks that no more will be read. */
  async close(): Promise<void> {
    for (const { tasks } of this.#stages) await tasks.close();
  }

  async #uploadRest(
    connection: Connection,
    { jobId, nextIndexes }: SubmitJobResponse,
    signal: AbortSignal | undefined,
  ): Promise<Pick<SubmitJobResponse, "state" | "warnings">> {
    const { namespace } = this;
    const next = new Map(nextIndexes.map(({ stage, count }) => [stage || "main", count]));
    for (const [place, stage] of this.#stages.entries()) {
      await uploadStage(stage, next.get(nameOf(stage)) ?? 0, {
        connection,
        place,
        jobId,
        namespace,
        signal,
      });
    }
    const counts = this.#stages
      .map((stage) => ({ stage: nameOf(stage), count: stage.tasks.nextIndex }))
      .filter(({ count }) => count > 0);
    return connection.unary(sealJob, { namespace, jobId, counts }, signal);
  }

  /**
   * Takes back an upload that nobody can go on with, because nobody knows its key. Where the master cannot
   * be reached it lapses by itself.
   */
  async #abandon(connection: Connection, jobId: string, error: unknown): Promise<void> {
    const unreachable = error instanceof CapstanError && error.code === "UNAVAILABLE";
    if (!this.#keyIsDrawn || unreachable) return;
    const request = { namespace: this.namespace, jobId, note: "the upload was given up" };
    await connection.unary(cancelJob, request).catch(() => undefined);
  }

  async #restFits(place: number, pending: Promise<Chunk>): Promise<boolean> {
    const [current, ...rest] = this.#stages.slice(place);
    if (current === undefined || !this.#count(current, await pending)) return false;
    for (const stage of rest) {
      if (!this.#count(stage, await stage.tasks.read(this.#room()))) return false;
    }
    return true;
  }

  #room(): ChunkLimits {
    return {
      tasks: messageLimits.tasks - this.#tasks,
      bytes: Math.max(0, messageLimits.bytes - this.#bytes),
    };
  }

  /** @returns whether the stage is in the message with all its tasks */
  #count(stage: StageUpload, chunk: Chunk): boolean {
    stage.first = chunk;
    this.#tasks += chunk.count;
    this.#bytes += chunk.byteLength;
    return stage.tasks.ended && this.#bytes <= messageLimits.bytes;
  }

  #request(how: WriteOptions): Uint8Array {
    const writer = new MessageWriter(this.#bytes + this.key.length + 512);
    writer.text(namespaceOfRequest, this.namespace);
    this.#write(writer, envelopes.request, how);
    return writer.finish();
  }

  #write(
    writer: MessageWriter,
    envelope: (typeof envelopes)[keyof typeof envelopes],
    { isWhole, traceContext }: WriteOptions,
  ): void {
    writer.text(envelope.key, this.key);
    const job = writer.open(envelope.job, isWhole ? this.#bytes : 0);
    writer.text(field.nameOfJob, this.#name);
    for (const stage of this.#stages) writeStage(writer, stage, isWhole);
    if (this.#head !== undefined) writer.span(this.#head, 0, this.#head.byteLength);
    writer.close(job);
    writer.number(envelope.moreToUpload, isWhole ? 0 : 1);
    if (traceContext !== undefined) {
      writer.field(envelope.trace, TraceContexts.encode(traceContext).finish());
    }
  }
}

interface WriteOptions {
  /** With all its tasks; otherwise they follow in parts. */
  readonly isWhole: boolean;
  readonly traceContext: TraceContext | undefined;
}

function writeStage(writer: MessageWriter, stage: StageUpload, withTasks: boolean): void {
  const { ownName, taskType, head, first } = stage;
  const mark = writer.open(field.stageOfJob, withTasks ? (first?.byteLength ?? 0) + 32 : 0);
  writer.text(field.nameOfStage, ownName);
  writer.text(field.typeOfStage, taskType);
  if (head !== undefined) writer.span(head, 0, head.byteLength);
  if (withTasks) first?.write(writer, field.taskOfStage);
  writer.close(mark);
}

/** The name that the master gives a stage without one. */
function nameOf({ ownName }: StageUpload): string {
  return ownName === "" ? "main" : ownName;
}

interface Destination {
  readonly connection: Connection;
  /** Of the stage in the job. */
  readonly place: number;
  readonly namespace: string;
  readonly jobId: string;
  readonly signal: AbortSignal | undefined;
}

interface Append {
  readonly chunk: Chunk;
  /** What went wrong, if something did: it never rejects. */
  readonly failure: Promise<unknown>;
}

/** Sends the tasks of a stage from an index on, in order, a few parts at once. */
async function uploadStage(stage: StageUpload, from: number, to: Destination): Promise<void> {
  const pending: Append[] = [];
  const begin = (chunk: Chunk): void => {
    const failure = append(nameOf(stage), chunk, to).then(
      () => undefined,
      (error: unknown) => error,
    );
    pending.push({ chunk, failure });
  };
  const smaller = [...firstParts];
  for (;;) {
    const read: Chunk = stage.first ?? (await stage.tasks.read(messageLimits));
    stage.first = undefined;
    if (read.count === 0 && stage.tasks.ended) break;
    for (let rest = read.from(from); rest.count > 0;) {
      const part = rest.upTo(rest.firstIndex + (smaller.shift() ?? partTasks));
      rest = rest.from(part.nextIndex);
      begin(part);
      if (pending.length >= appendsInFlight) await settleFirst(nameOf(stage), pending, to);
    }
  }
  while (pending.length > 0) await settleFirst(nameOf(stage), pending, to);
}

/** Waits for the oldest part. One that came out of turn is sent again, and all after it, one by one. */
async function settleFirst(stage: string, pending: Append[], to: Destination): Promise<void> {
  const failure = await pending[0]?.failure;
  if (failure === undefined) {
    pending.shift();
    return;
  }
  const again = pending.splice(0);
  await Promise.all(again.map(({ failure }) => failure));
  gapOf(failure);
  for (const { chunk } of again) await appendInTurn(stage, chunk, to);
}

async function appendInTurn(stage: string, chunk: Chunk, to: Destination): Promise<void> {
  let rest = chunk;
  while (rest.count > 0) {
    try {
      await append(stage, rest, to);
      return;
    } catch (error) {
      const nextIndex = gapOf(error);
      // Before this part is a hole that we cannot fill: what lay there is gone. Not further either: no use.
      if (nextIndex <= rest.firstIndex) throw error;
      rest = rest.from(nextIndex);
    }
  }
}

/**
 * Where the master says that the stage goes on.
 * @throws the error, when it says something else
 */
function gapOf(error: unknown): number {
  if (!(error instanceof CapstanError) || error.reason !== "UPLOAD_GAP") throw error;
  const nextIndex = Number(error.metadata["next_index"]);
  if (!Number.isInteger(nextIndex)) throw error;
  return nextIndex;
}

async function append(stage: string, chunk: Chunk, to: Destination): Promise<void> {
  const { namespace, jobId, connection, place, signal } = to;
  const writer = new MessageWriter(chunk.byteLength + 512);
  writer.text(ofAppend.namespace, namespace);
  writer.text(ofAppend.jobId, jobId);
  writer.text(ofAppend.stage, stage);
  writer.number(ofAppend.firstIndex, chunk.firstIndex);
  chunk.write(writer, ofAppend.tasks);
  try {
    await connection.unary(appendTasks, writer.finish(), signal);
  } catch (error) {
    throw inTermsOfJob(error, place, chunk.firstIndex);
  }
}
