import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@capstan/sdk";

/** Between two submits, so that they do not crowd out what is being looked at. */
const everyMs = 25;

/** Jobs of one task, one after another: at nearly any moment one is about to be acknowledged. */
export class SmallJobs {
  readonly #client: Client;
  readonly #acknowledged: Map<string, number>;
  #isOver = false;
  #running: Promise<void> | undefined;

  /** @param acknowledged is told of each job and its one task */
  constructor(client: Client, acknowledged: Map<string, number>) {
    this.#client = client;
    this.#acknowledged = acknowledged;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const { jobId } = await this.#client.submit({
        name: "small",
        stages: [{ name: "main", taskType: "chaos", tasks: [{ payload: {} }] }],
      });
      this.#acknowledged.set(jobId, 1);
      await sleep(everyMs);
    }
  }
}
