import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { status } from "@grpc/grpc-js";
import type { ReadOutputsRequest } from "@capstan/proto/capstan/v1/master_service.js";
import type { OutputsFilter, OutputsPage, OutputView } from "../../core/index.js";
import { queries, unreachable } from "../../core/index.js";
import type { HistoryOutputs } from "../../history/history.js";
import type { StreamWriter } from "../stream-writer.js";
import { serverStream } from "../call.js";
import { encodeCursor } from "../codec/page-token.js";
import type { OutputsRange } from "../codec/reads.js";
import { decodeReadOutputs } from "../codec/reads.js";
import {
  CallRefusedError,
  InvalidInputError,
  jobNotFound,
  stageNotFound,
  taskNotFound,
} from "../errors.js";
import { limits } from "../limits.js";
import { payloadOf } from "../payloads.js";
import type { HandlerDeps } from "./deps.js";

/** How much of the state one turn looks at. */
const tasksOfTurn = 4_096;
const outputsOfTurn = 4_096;

/**
 * Reads the outputs of a stage, at the reader's pace: the next message is made while one is being
 * taken, and no more. Outputs are handed on as the bytes that the worker sent.
 */
export function readOutputs({ engine, log, history }: HandlerDeps) {
  return serverStream<ReadOutputsRequest, Uint8Array>(log, async (request, writer) => {
    const range = decodeReadOutputs(request);
    const { namespace, jobId } = range;
    let filter: OutputsFilter | undefined = range.filter;
    const messages = new OutputMessages(writer, range.hash);
    while (filter !== undefined && !writer.isOver) {
      const asked: OutputsFilter = filter;
      const live = await engine.read((state) =>
        queries.readOutputs(state, namespace, jobId, asked, tasksOfTurn, outputsOfTurn),
      );
      const isPast = live.kind === "job_not_found" && history !== undefined;
      const page: HistoryOutputs | OutputsPage = isPast
        ? await history.outputs(namespace, jobId, asked, tasksOfTurn, outputsOfTurn)
        : live;
      const { outputs, next } = wholePage(page, range);
      for (const output of outputs) {
        if (writer.isOver) return;
        const bytes = output.bytes ?? (await payloadOf({ engine, history }, output.blob));
        await messages.add(output, bytes);
      }
      // Behind the last task of the page, whatever its partitions.
      filter =
        next === undefined
          ? undefined
          : { ...asked, after: { index: next - 1, partition: Infinity } };
    }
    await messages.flush();
  });
}

/** Outputs, those of history with their bytes. */
interface WholePage {
  readonly outputs: readonly (OutputView & { readonly bytes?: Uint8Array })[];
  readonly next: number | undefined;
}

function wholePage(page: OutputsPage | HistoryOutputs, { jobId, filter }: OutputsRange): WholePage {
  switch (page.kind) {
    case "page":
      return page;
    case "job_not_found":
      throw jobNotFound(jobId);
    case "stage_not_found":
      throw stageNotFound(jobId, filter.stage);
    case "task_not_found":
      throw taskNotFound(`${jobId}/${filter.stage}/${filter.index ?? 0}`);
    case "partition_not_found": {
      const description = `stage ${filter.stage} has no partition ${filter.partition ?? 0}`;
      throw new InvalidInputError([{ field: "partition", description }]);
    }
    case "not_ready":
      throw notReady(jobId, filter);
    default:
      return unreachable(page);
  }
}

function notReady(jobId: string, { stage, index }: OutputsFilter): CallRefusedError {
  const what = index === undefined ? `tasks of stage ${stage}` : `task ${stage}/${index}`;
  const facts = { job_id: jobId, stage };
  return new CallRefusedError(
    `${what} of ${jobId} ${index === undefined ? "have not ended" : "has not succeeded"}`,
    {
      code: status.FAILED_PRECONDITION,
      reason: "OUTPUT_NOT_READY",
      facts,
    },
  );
}

/** Gathers outputs into messages of a bounded size, each ending with its cursor. */
class OutputMessages {
  readonly #stream: StreamWriter<Uint8Array>;
  readonly #hash: Buffer;
  #writer = new BinaryWriter();
  #bytes = 0;
  #last: OutputView | undefined;
  #written: Promise<void> = Promise.resolve();

  constructor(stream: StreamWriter<Uint8Array>, hash: Buffer) {
    this.#stream = stream;
    this.#hash = hash;
  }

  async add(output: OutputView, blob: Uint8Array): Promise<void> {
    const bytes = blob.length + 32;
    if (this.#bytes > 0 && this.#bytes + bytes > limits.streamMessageBytes) await this.#send();
    writeOutput(this.#writer, output, blob);
    this.#bytes += bytes;
    this.#last = output;
  }

  /** Sends what is left and waits until all is taken. */
  async flush(): Promise<void> {
    if (this.#bytes > 0) await this.#send();
    await this.#written;
  }

  /** Waits for the message before; this one is being taken while the next is made. */
  async #send(): Promise<void> {
    const { index = 0, generation = 0, attempt = 0, partition = 0 } = this.#last ?? {};
    const cursor = encodeCursor(this.#hash, [index, generation, attempt, partition]);
    const message = this.#writer.uint32(cursorTag).bytes(cursor).finish();
    this.#writer = new BinaryWriter();
    this.#bytes = 0;
    await this.#written;
    this.#written = this.#stream.write(message);
  }
}

// Of ReadOutputsResponse and TaskOutput: the output itself is spliced in as it came.
const outputsTag = 10;
const cursorTag = 18;
const taskIndexTag = 8;
const attemptTag = 16;
const generationTag = 24;
const outputTag = 34;

function writeOutput(writer: BinaryWriter, view: OutputView, blob: Uint8Array): void {
  writer.uint32(outputsTag).fork();
  if (view.index > 0) writer.uint32(taskIndexTag).uint32(view.index);
  writer.uint32(attemptTag).uint32(view.attempt);
  writer.uint32(generationTag).uint32(view.generation);
  writer.uint32(outputTag).bytes(blob).join();
}
