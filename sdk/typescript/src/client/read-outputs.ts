import type { ReadOutputsRequest } from "@capstan/proto/capstan/v1/master_service.js";
import type { Codec } from "../codec.js";
import type { Connection } from "../rpc/connection.js";
import { readOutputs as method } from "../rpc/methods.js";
import type { TaskOutput } from "../output-views.js";
import { outputOf } from "./views.js";

/** Which outputs, and how. */
export interface OutputsQuery extends Omit<ReadOutputsRequest, "cursor"> {
  /** For how long a master that is away is waited for, from the last message on. Milliseconds. */
  readonly retryForMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads outputs in their order, each once: after a break of the link it goes on by the cursor. */
export async function* readOutputs(
  connection: Connection,
  query: OutputsQuery,
  codec: Codec,
): AsyncGenerator<TaskOutput, void, undefined> {
  const { retryForMs, signal, ...request } = query;
  const retries = connection.retries(signal, retryForMs);
  let cursor: Buffer = Buffer.alloc(0);
  for (;;) {
    try {
      for await (const message of connection.stream(method, { ...request, cursor }, signal)) {
        retries.reset();
        for (const output of message.outputs) yield outputOf(output, codec);
        cursor = message.cursor;
      }
      return;
    } catch (error) {
      await retries.next(error);
    }
  }
}
