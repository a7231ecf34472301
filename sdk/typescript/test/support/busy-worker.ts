/**
 * A worker in a process of its own, so that a handler can block its event loop while the test's master goes
 * on. Task payload: { "spinMs": n } blocks for so long; { "hang": true } waits until it is told to stop;
 * { "deaf": true } does not stop at all. Arguments: the address, slots, drainTimeoutMs, and how long a second worker
 * beside it may drain, whose handler ends some seconds after the first worker has gone.
 */
import { setTimeout } from "node:timers/promises";
import { Worker } from "../../src/index.js";

const worker = new Worker({
  address: process.argv[2],
  workerId: "busy",
  slots: Number(process.argv[3] ?? 1),
  drainTimeoutMs: Number(process.argv[4] ?? 5_000),
  abortGraceMs: 100,
});

interface Payload {
  spinMs?: number;
  hang?: boolean;
  deaf?: boolean;
}

worker.handle("t", async (task, { signal }) => {
  const { spinMs = 0, hang = false, deaf = false } = task.payload as Payload;
  const until = performance.now() + spinMs;
  while (performance.now() < until);
  if (deaf) await new Promise(() => setInterval(() => undefined, 1_000));
  if (hang) {
    await new Promise((_, reject) => {
      const alive = setInterval(() => undefined, 1_000);
      signal.addEventListener("abort", () => {
        clearInterval(alive);
        reject(signal.reason as Error);
      });
    });
  }
});

const running = worker.run();

const besideMs = process.argv[5];
if (besideMs !== undefined) {
  const beside = new Worker({
    address: process.argv[2],
    workerId: "beside",
    drainTimeoutMs: Number(besideMs),
    onDrain: () => undefined,
  });
  beside.handle("t", async () => {
    await running;
    // Time is what is tested: longer than the process would be given once the first worker has gone.
    await setTimeout(3_000);
  });
  void beside.run();
}

await running;
console.error("after run");
