// #region worker
import { PermanentError, Worker } from "@capstan/sdk";

const worker = new Worker({
  address: process.env["CAPSTAN_ADDRESS"] ?? "127.0.0.1:7410",
  slots: 4,
});

worker.handle("word-count", (task, context) => {
  if (typeof task.payload !== "string") {
    // This can never succeed, so do not try again. Anything else that is thrown is retried.
    throw new PermanentError("the payload is not a text");
  }
  if (context.isLastAttempt) console.error(`${task.taskId}: the last attempt`);
  return { words: task.payload.split(/\s+/).length };
});

// Reconnects for ever; on SIGTERM it finishes what it has started, and returns.
await worker.run();
// #endregion
