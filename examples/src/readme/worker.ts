// #region worker
import { PermanentError, startTracing, Worker } from "@capstan/sdk";

// Exports spans where the OTEL_* variables say; without them it does nothing.
const tracing = await startTracing({ serviceName: "word-count-worker" });
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
await tracing.shutdown();
// #endregion
