// A worker that counts words. Start a master, then this, then submit.ts.
import { readLines, startTracing, Worker } from "@capstan/sdk";

// Exports spans where the OTEL_* variables say; without them it does nothing.
const tracing = await startTracing({ serviceName: "count-words-worker" });
const worker = new Worker({ address: process.env["CAPSTAN_ADDRESS"], slots: 4 });

worker.handle("count-words", async (task, { signal, attempt, progress }) => {
  console.log(`${task.taskId}, attempt ${attempt}`);
  const counts: Record<string, number> = {};
  for (const [done, input] of task.inputs.entries()) {
    // `signal` aborts when the job is cancelled or the lease is lost: what is done after that is thrown away.
    for await (const line of readLines(input, { signal })) {
      for (const word of line.toLowerCase().match(/[a-z]+/g) ?? []) {
        counts[word] = (counts[word] ?? 0) + 1;
      }
    }
    progress((done + 1) / task.inputs.length);
  }
  return counts;
});

// Resolves once drained: SIGTERM and Ctrl-C let what runs finish first.
await worker.run();
await tracing.shutdown();
