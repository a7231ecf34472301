/**
 * A worker in a process of its own, so that a handler can block its event loop while the test's master goes
 * on. Task payload: { "spinMs": n } blocks for so long; { "hang": true } waits until it is told to stop;
 * { "deaf": true } does not stop at all. Arguments: the address, slots, drainTimeoutMs.
 */
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

await worker.run();
console.error("after run");
