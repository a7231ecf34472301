/**
 * The file driver's thread: hashing, checksums, writes and fsyncs happen here, off the event loop.
 * Started by {@link threadWriter}; it does one request after the other.
 */
import { parentPort, workerData } from "node:worker_threads";
import { nodeStorage } from "./node-storage.js";
import { SegmentWriter } from "./segment-writer.js";
import { type Storage } from "./storage.js";
import {
  type ThreadData,
  type ThreadReply,
  type ThreadRequest,
  toPlain,
} from "./thread-protocol.js";

const { options, storageModule, storageData } = workerData as ThreadData;
const port = parentPort;
if (port === null) throw new Error("the journal's writer thread is not a program of its own");

const writer = new SegmentWriter(await storage(), options);

port.on("message", (request: ThreadRequest) => {
  const [reply, transfer] = answer(request);
  port.postMessage(reply, transfer);
  writer.settle();
  if (request.kind === "close") port.close();
});

async function storage(): Promise<Storage> {
  if (storageModule === undefined) return nodeStorage();
  const module = (await import(storageModule)) as {
    readonly createStorage: (data: unknown) => Storage;
  };
  return module.createStorage(storageData);
}

function answer(request: ThreadRequest): [ThreadReply, ArrayBuffer[]] {
  try {
    return carryOut(request);
  } catch (error) {
    return [{ kind: "error", error: toPlain(error) }, []];
  }
}

function carryOut(request: ThreadRequest): [ThreadReply, ArrayBuffer[]] {
  switch (request.kind) {
    case "open":
      return [{ kind: "opened", state: writer.open() }, []];
    case "append": {
      const { epoch, body } = request;
      const outcome = writer.append(epoch, body);
      if (outcome.kind === "durable") return [{ kind: "appended", reply: outcome }, []];
      const reply = { kind: outcome.kind, body, cause: toPlain(outcome.cause) };
      return [{ kind: "appended", reply }, [body.buffer as ArrayBuffer]];
    }
    case "truncate":
      return [{ kind: "truncated", firstIndex: writer.truncate(request.below) }, []];
    case "close":
      writer.close();
      return [{ kind: "closed" }, []];
  }
}
