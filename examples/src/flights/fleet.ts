/** The machines of the example: a master and four workers, each a process of its own. */
import { once, EventEmitter } from "node:events";
import { join } from "node:path";
import { Child } from "./child.js";
import type { SettledTask } from "./meter.js";

/** Four hosts of different size on two racks. The same share of the data lies on each. */
export const machines = [
  { host: "oak", rack: "north", slots: 4 },
  { host: "elm", rack: "north", slots: 1 },
  { host: "fir", rack: "south", slots: 2 },
  { host: "yew", rack: "south", slots: 2 },
] as const;

/** What a worker sends (worker.ts). */
type WorkerMessage =
  { readonly kind: "ready" } | { readonly kind: "settled"; readonly task: SettledTask };

/** How long the last reports of the workers may take after the job's end. Milliseconds. */
const reportMs = 10_000;

/** Starts them, hears what the workers report, and ends them. */
export class Fleet {
  /** Rejects when a process ends that nobody has asked to. */
  readonly broken: Promise<never>;
  #break: (reason: Error) => void = () => {};
  readonly #settled: SettledTask[] = [];
  readonly #events = new EventEmitter();
  #master: Child | undefined;
  #workers: Child[] = [];
  #isStopping = false;

  constructor() {
    this.broken = new Promise((_, reject) => {
      this.#break = reject;
    });
    // Whoever waits hears of it; when nobody does, it is no crash.
    this.broken.catch(() => {});
  }

  /**
   * Starts a master with a journal in `folder`, then the workers; resolves when all are ready.
   * @param port where the master listens; 0: the system picks a free one
   * @returns the master's address
   */
  async start(folder: string, port: number): Promise<string> {
    // What `npx capstan server` runs, too: the package's main, beside its index.
    const main = new URL("./main.js", import.meta.resolve("@capstan/server"));
    const args = ["--address", `127.0.0.1:${port}`, "--data", join(folder, "journal")];
    this.#master = this.#watched(new Child("the master", main, args));
    const line = await this.#master.output(/listening on \S+(?=\s)/);
    const address = line.slice("listening on ".length);
    await Promise.all(machines.map((machine) => this.#startWorker(machine, address)));
    return address;
  }

  /** All deliveries of a job, once so many of its tasks have succeeded. */
  async settledOf(jobId: string, taskCount: number): Promise<readonly SettledTask[]> {
    const signal = AbortSignal.timeout(reportMs);
    for (;;) {
      const settled = this.#settled.filter((task) => task.jobId === jobId);
      if (settled.filter(({ outcome }) => outcome === "succeeded").length >= taskCount) {
        return settled;
      }
      await once(this.#events, "settled", { signal });
    }
  }

  /** Lets the workers drain, then stops the master. May be called more than once. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    await this.#master?.stop();
  }

  /** Ends all that still runs, now. */
  kill(): void {
    for (const child of [...this.#workers, this.#master]) child?.kill();
  }

  #startWorker(machine: (typeof machines)[number], address: string): Promise<void> {
    const { host, slots } = machine;
    const racks = machines.map((other) => `${other.host}=${other.rack}`).join();
    const args = ["--address", address, "--host", host, "--slots", `${slots}`, "--racks", racks];
    return new Promise((resolve) => {
      const hear = (message: unknown) => {
        const heard = message as WorkerMessage;
        if (heard.kind === "ready") resolve();
        else this.#record(heard.task);
      };
      const script = new URL("./worker.js", import.meta.url);
      this.#workers.push(this.#watched(new Child(`worker ${host}`, script, args, hear)));
    });
  }

  #record(task: SettledTask): void {
    this.#settled.push(task);
    this.#events.emit("settled");
  }

  #watched(child: Child): Child {
    void child.ended.then((how) => {
      if (this.#isStopping) return;
      this.#break(new Error(`${child.name} ended unasked (${how})\n${child.lastWords}`.trim()));
    });
    return child;
  }
}
