import { Worker, type WorkerOptions } from "../../src/index.js";
import { ScriptedMaster, type Unary } from "./scripted-master.js";

/** What a test has open, closed after it. */
export class Fixtures {
  readonly #closers: (() => Promise<unknown>)[] = [];

  async master(...scripts: Parameters<typeof ScriptedMaster.start>): Promise<ScriptedMaster> {
    const master = await ScriptedMaster.start(...scripts);
    this.#closers.push(() => master.stop());
    return master;
  }

  /** A worker with quick reconnects and no hands on the process; drained after the test. */
  worker(master: ScriptedMaster, options: WorkerOptions = {}): Worker {
    const worker = new Worker({
      address: master.address,
      workerId: "w1",
      installSignalHandlers: false,
      heartbeatThread: false,
      abortGraceMs: 20,
      reconnect: { baseMs: 5, capMs: 40 },
      onConnection: () => undefined,
      onDrain: () => undefined,
      ...options,
    });
    this.#closers.push(() => worker.drain({ timeoutMs: 0 }));
    return worker;
  }

  /** Runs something when the test is over, before what was opened earlier is closed. */
  after(close: () => unknown): void {
    this.#closers.push(async () => close());
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

export type { Unary };

/** A promise and what settles it: a handler waits for the test, never for time. */
export function gate<T = void>(): {
  readonly open: (value: T) => void;
  readonly passed: Promise<T>;
} {
  let open!: (value: T) => void;
  const passed = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}

/** Resolves when the signal is aborted, with its reason. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  });
}

/** Reads something to its end. */
export async function drained(items: AsyncIterable<unknown>): Promise<void> {
  const iterator = items[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}
