import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "@capstan/sdk";

/**
 * A worker in a process of its own: `worker-main.js ADDRESS WORKER_ID SLOTS`. Says on stdout, a
 * line of JSON each and unbuffered, what it was told: a kill must not take its witness along.
 */
const [address = "", workerId = "", slots = "4"] = process.argv.slice(2);

function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

const worker = new Worker({
  address,
  workerId,
  slots: Number(slots),
  prefetchTasks: 4,
  reconnect: { baseMs: 20, capMs: 200 },
});

// A few milliseconds each, so that at any moment leases are held in every state.
worker.handle("chaos", async (task) => {
  await sleep(1 + (task.index % 8));
  return { index: task.index };
});

worker.on("connected", ({ resumed, settled, lost }) => {
  say({ event: "connected", resumed, settled, lost });
});
worker.on("disconnected", () => {
  say({ event: "disconnected", resent: worker.stats().resent });
});
worker.on("settled", ({ taskId, delivery, outcome }) => {
  say({ event: "settled", taskId, delivery, outcome });
});

await worker.run();
const stats = worker.stats();
say({ event: "stopped", resent: stats.resent, maxSlotsInUse: stats.maxSlotsInUse });
